"""A scripted model provider on a real socket: it speaks OpenAI's chat completions as well, or as badly, as told.

In a test's event loop: `async with Provider(script) as provider`; then `.base_url`, `.requests`, `.disconnects`.
As a process: `python -m tests.provider --port 0` prints its base URL; `GET /log` returns what it was asked.

A script is a list of steps, see tests.provider_script. A Provider takes one script for all requests, or a function from
a request to a script. A process takes the script from each request, see `scripted`.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import socket
import ssl
import struct
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from tests.provider_script import HEAD, Script, Step, encode, scripted

LAST_CHUNK = b"0\r\n\r\n"
NO_LINGER = struct.pack("ii", 1, 0)  # close with RST


@dataclass(slots=True)
class Request:
    """What a client has sent. `at` is in monotonic seconds; `connection` counts from 1."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    at: float
    connection: int
    raw: bytes = b""


@dataclass
class Provider:
    script: Script | Callable[[Request], Script] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    disconnects: list[float] = field(default_factory=list)  # monotonic seconds at which a client left an answer
    connections: int = 0
    open: set["Connection"] = field(default_factory=set)

    @property
    def base_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), "127.0.0.1", self.port, backlog=1024, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for connection in list(self.open):
            connection.transport.abort()
        await self._server.wait_closed()

    def script_for(self, request: Request) -> Script:
        return self.script(request) if callable(self.script) else self.script

    def log(self, query: str) -> bytes:
        """What `GET /log?query` answers, as JSON."""
        entries = [
            {"body": request.body, "headers": request.headers, "path": request.path, "connection": request.connection}
            for request in self.requests
        ]
        return json.dumps({"requests": entries, "disconnects": len(self.disconnects), "open": len(self.open)}).encode()


class Connection(asyncio.Protocol):
    """One client: reads its requests, plays a script for each, notices when it leaves."""

    transport: asyncio.Transport

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.buffer = b""
        self.answer: asyncio.Task[None] | None = None
        self.last = False  # whether the client has asked for the end of the connection after this answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = transport
        self.provider.open.add(self)
        self.provider.connections += 1
        self.number = self.provider.connections

    def connection_lost(self, exc: Exception | None) -> None:
        self.provider.open.discard(self)
        if self.answer and not self.answer.done():
            self.provider.disconnects.append(time.monotonic())
            self.answer.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.next_request()

    def next_request(self) -> None:
        if self.answer and not self.answer.done():
            return
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        self.take(start.split()[1], headers, rest[:length])

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> None:
        place, _, query = path.partition("?")
        if place == "/log":
            self.write(encode({"status": 200, "body": self.provider.log(query).decode()}))
        elif path.endswith("/models"):
            self.write(encode({"status": 200, "body": {"object": "list", "data": [{"id": "scripted"}]}}))
        else:
            body = json.loads(raw or b"{}")
            self.last = headers.get("connection", "").lower() == "close"
            request = Request(body, headers, path, time.monotonic(), self.number, raw)
            self.provider.requests.append(request)
            self.answer = asyncio.get_running_loop().create_task(self.play(self.provider.script_for(request)))
            self.answer.add_done_callback(self.played)
            return
        self.next_request()

    def played(self, answer: asyncio.Task[None]) -> None:
        if not answer.cancelled():
            answer.result()
            if self.last:
                self.transport.close()
            self.next_request()

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    async def play(self, script: Script) -> None:
        head = False
        for step in script:
            if isinstance(step, dict) and "status" in step:
                self.write(encode(step))
                return
            if not head and not (isinstance(step, dict) and step.keys() & {"delay", "stall", "cut"}):
                head = True
                self.write(HEAD)
            if await self.perform(step):
                return
        self.write(LAST_CHUNK if head else HEAD + LAST_CHUNK)

    async def perform(self, step: Step) -> bool:
        """Do one step; True when it ended the answer."""
        match step:
            case {"delay": seconds}:
                await asyncio.sleep(seconds)
            case {"stall": _}:
                await asyncio.Event().wait()
            case {"cut": kind}:
                self.cut(kind)
                return True
            case {"pace": pieces, "every": seconds}:
                await self.pace(pieces, seconds)
            case _:
                self.write(encode(step))
        return False

    def cut(self, kind: str) -> None:
        if kind == "rst":
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            self.transport.abort()
        else:
            self.transport.close()

    async def pace(self, pieces: Any, seconds: float) -> None:
        """Write each piece `seconds` after the one before; late pieces catch up, so the rate holds under load."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        left = iter(pieces)
        start, count = loop.time(), 0

        def tick() -> None:
            nonlocal count
            piece = next(left, None)
            if piece is None or self.transport.is_closing():
                done.cancelled() or done.set_result(None)
                return
            self.transport.write(encode(piece() if callable(piece) else piece))
            count += 1
            loop.call_at(start + count * seconds, tick)

        tick()
        await done


async def serve(port: int) -> None:
    seen: Counter[bytes] = Counter()

    def script(request: Request) -> Script:
        seen[request.raw] += 1
        return scripted(request.body, seen[request.raw] - 1)

    async with Provider(script, port=port) as provider:
        print(provider.base_url, flush=True)
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def process() -> AsyncIterator[str]:
    """A provider in a process of its own; yields its base URL."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.provider", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout
    try:
        yield (await child.stdout.readline()).decode().strip()
    finally:
        child.terminate()
        await child.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    gc.disable()  # nobody is to wait for it, least of all hundreds of streams that are measured
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().port))
