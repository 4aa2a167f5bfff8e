"""WebSocket as bytes, for what no client library sends."""

import asyncio
import struct

from tests.security.house import House

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION, FINAL = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0, 0x80
UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n"
)


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A frame as clients send it, masked with zeros."""
    head = bytes([opcode | (FINAL if final else 0)])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += b"\xfe" + struct.pack(">H", len(payload))
    else:
        head += b"\xff" + struct.pack(">Q", len(payload))
    return head + bytes(4) + payload


class RawSocket:
    """An open WebSocket whose frames are written by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, house: House, *, with_key: bool = True) -> "RawSocket":
        reader, writer = await house.open()
        extra = f"Authorization: {house.bearer['Authorization']}\r\n" if with_key else ""
        writer.write(UPGRADE.format(extra=extra).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def next(self) -> tuple[int, bytes]:
        """The next frame: its opcode, and its payload."""
        first, length = await self.reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack(">H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(length)

    async def text(self) -> bytes:
        """The next frame of the product itself: pings are answered."""
        opcode, payload = await self.next()
        while opcode == PING:
            await self.send(frame(PONG, payload))
            opcode, payload = await self.next()
        return payload

    async def close_code(self) -> int:
        """The code that the server closes with, after whatever else it sends."""
        while True:
            opcode, payload = await self.next()
            if opcode == CLOSE:
                return int(struct.unpack(">H", payload[:2])[0])

    def leave(self) -> None:
        self.writer.close()
