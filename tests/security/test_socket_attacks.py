"""WebSockets as nobody should use them: a clear close code, a server that stays well, and others who notice nothing."""

import asyncio
import contextlib
import json

import pytest

from tests.security.figures import record
from tests.security.frames import BINARY, CONTINUATION, PING, TEXT, RawSocket, frame
from tests.security.house import House
from tests.security.sizes import SIZES

PING_FRAME = frame(TEXT, b'{"type":"ping"}')
MIB = 1024 * 1024
REFUSED = {
    "a frame of more than 2 MiB": (frame(TEXT, b"x" * (2 * MIB + 1)), 1009),
    "a message of more than 2 MiB in fragments": (
        frame(TEXT, b"x" * MIB, final=False) + frame(CONTINUATION, b"x" * MIB, final=False) * 2,
        1009,
    ),
    "text that is not UTF-8": (frame(TEXT, b'{"type": "\xff\xfe"}'), 1007),
    "half a character at the end of a text": (frame(TEXT, b'"\xe2\x82'), 1007),
    "a reserved opcode": (frame(0x3, b"x"), 1002),
    "a reserved bit": (bytes([0xC1, 0x81]) + bytes(4) + b"x", 1002),
    "a frame without a mask": (b"\x81\x02{}", 1002),
    "a continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "a text inside a fragmented text": (frame(TEXT, b"x", final=False) + frame(TEXT, b"x"), 1002),
    "a ping in fragments": (frame(PING, b"x", final=False), 1002),
    "a ping of more than 125 bytes": (frame(PING, b"x" * 126), 1002),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_frame_that_breaks_the_protocol_closes_its_socket_with_a_code(house: House, what: str) -> None:
    data, code = REFUSED[what]
    socket = await RawSocket.open(house)
    with contextlib.suppress(ConnectionError):
        await socket.send(data)
    assert await socket.close_code() == code
    socket.leave()
    assert await house.is_well()


async def test_binary_is_answered_with_an_error_and_the_socket_stays_open(house: House) -> None:
    socket = await RawSocket.open(house)
    await socket.send(frame(BINARY, b"\x00" * 1000) + PING_FRAME)
    answers = [json.loads(await socket.text())["type"] for _ in range(2)]
    assert answers == ["error", "pong"]
    socket.leave()


async def test_a_message_in_one_byte_fragments_is_a_message(house: House) -> None:
    text = json.dumps({"type": "chat", "data": {"message": "say:Pieces"}}).encode()
    first, *rest = (bytes([byte]) for byte in text)
    pieces = [frame(TEXT, first, final=False), *(frame(CONTINUATION, piece, final=False) for piece in rest)]
    socket = await RawSocket.open(house)
    await socket.send(b"".join(pieces) + frame(CONTINUATION))
    kinds = [json.loads(await socket.text())["type"] for _ in range(3)]
    assert kinds == ["run_started", "chat_chunk", "chat_complete"]
    socket.leave()


async def test_a_message_of_empty_fragments_without_end_costs_no_memory(house: House) -> None:
    async with house.holds():
        socket = await RawSocket.open(house)
        await socket.send(frame(TEXT, final=False))
        for _ in range(SIZES.frames // 1000):
            await socket.send(frame(CONTINUATION, final=False) * 1000)
        socket.leave()
    record("Fragments", f"{SIZES.frames} empty fragments of one message: {house.memory():.0f} MiB")


async def test_frames_without_pause_are_all_answered_and_spoil_nobody_elses_day(house: House) -> None:
    async with house.holds():
        socket = await RawSocket.open(house)
        reading = asyncio.create_task(pongs(socket, SIZES.frames))
        began = asyncio.get_running_loop().time()
        for _ in range(SIZES.frames // 1000):
            await socket.send(PING_FRAME * 1000)
        assert await reading == SIZES.frames
        seconds = asyncio.get_running_loop().time() - began
        socket.leave()
    record(
        "A flood of frames",
        f"{SIZES.frames} frames as fast as they are taken ({SIZES.frames / seconds:.0f}/s): all answered, "
        f"{house.memory():.0f} MiB, a bystander's health check and answer took at most {house.slowest:.1f} s",
    )


async def pongs(socket: RawSocket, count: int) -> int:
    """How many of so many commands were answered, before anything else came."""
    for number in range(count):
        if json.loads(await socket.text())["type"] != "pong":
            return number
    return count


@pytest.mark.parametrize("piece", [PING_FRAME, frame(PING, b"x" * 125), frame(TEXT, b"{}")])
async def test_a_client_that_sends_and_never_reads_costs_no_memory(house: House, piece: bytes) -> None:
    async with house.holds():
        socket = await RawSocket.open(house)
        sent = 0
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(SIZES.flood_seconds):
                while True:
                    await socket.send(piece * 1000)
                    sent += 1000 * len(piece)
        socket.writer.transport.abort()
    record("A sender that never reads", f"{sent / MIB:.0f} MiB taken of it in {SIZES.flood_seconds} s, "
           f"{house.memory():.0f} MiB")  # fmt: skip


async def test_sockets_without_credentials_are_closed_and_leave_nothing_behind(house: House) -> None:
    async with house.holds():
        codes = await asyncio.gather(*(turned_away(house) for _ in range(SIZES.strangers)))
        assert set(codes) == {4401}
    record(
        "Sockets without credentials",
        f"{SIZES.strangers} at once: all closed with 4401, {house.memory():.0f} MiB",
    )


async def turned_away(house: House) -> int:
    """Come without credentials, and do not answer the close frame: the server hangs up by itself. The close code."""
    socket = await RawSocket.open(house, with_key=False)
    code = await socket.close_code()
    await is_hung_up(socket)
    return code


async def test_a_client_that_never_answers_a_ping_is_cut(house: House) -> None:
    socket = await RawSocket.open(house)
    await is_hung_up(socket)


async def is_hung_up(socket: RawSocket) -> None:
    """Return when the server has ended the connection."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(30):
            while await socket.reader.read(65536):
                pass
    socket.leave()
