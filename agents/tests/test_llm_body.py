"""A caller that is slower than its provider, or whose provider never stops: see agents.llm.body."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from subprocess import PIPE
from typing import Any

import pytest

from agents.errors import ErrorCode, ModelError
from agents.llm.base import ModelRequest, TextDelta
from agents.llm.openai import OpenAIChatModel
from agents.messages import UserMessage
from agents.tests.asking import ask, text, until
from tests.provider import Provider
from tests.provider_script import HEAD, Script, chunk, event, payload

REQUEST = ModelRequest("scripted", (UserMessage("Hello"),))
PIECES = [f"{number} " for number in range(60)]
SLOWLY: Script = [{"pace": [{"text": piece} for piece in PIECES], "every": 0.005}]
END: Script = [{"finish": "stop"}, {"usage": [1, 2]}, {"done": True}]


async def read_slowly(model: OpenAIChatModel, *, pause: float = 0.02) -> list[str]:
    """The pieces of an answer, by a caller that does something else after each."""
    pieces: list[str] = []
    async with aclosing(model.stream(REQUEST)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                pieces.append(delta.content)
                await asyncio.sleep(pause)
    return pieces


async def test_what_comes_while_the_caller_is_away_is_read_at_once():
    """And the next turn is asked by a caller that waits for each piece."""
    async with Provider([*SLOWLY, *END]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        for _ in range(2):
            pieces = await read_slowly(model)
            assert "".join(pieces) == "".join(PIECES)
            assert len(pieces) < len(PIECES)
            assert text(await ask(model)) == "".join(PIECES)
        await model.aclose()


@pytest.mark.parametrize("cut", ["rst", "fin"])
async def test_a_cut_is_seen_by_a_caller_that_is_away(cut: str):
    async with Provider([*SLOWLY, {"cut": cut}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        with pytest.raises(ModelError) as failure:
            await read_slowly(model)
        await model.aclose()
    assert failure.value.code is ErrorCode.MODEL_ERROR


async def test_silence_after_what_came_meanwhile_is_a_timeout():
    async with Provider([*SLOWLY, {"stall": True}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, idle_timeout=0.3)
        with pytest.raises(ModelError) as failure:
            await read_slowly(model)
        await until(lambda: not provider.open)
        await model.aclose()
    assert failure.value.code is ErrorCode.MODEL_TIMEOUT


async def test_a_caller_that_leaves_between_two_pieces_closes_the_connection():
    async with Provider([*SLOWLY, {"stall": True}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        async with aclosing(model.stream(REQUEST)) as deltas:
            for _ in range(5):
                await anext(deltas)
                await asyncio.sleep(0.02)
        await until(lambda: not provider.open)
        await model.aclose()


async def test_a_flood_is_taken_by_a_slow_caller():
    """More than the reader keeps."""
    flood = "x" * 3000
    async with Provider([{"text": [flood] * 400}, *END]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        assert len("".join(await read_slowly(model, pause=0.001))) == 400 * len(flood)
        await model.aclose()


# A provider of its own process: it sends events without text, as fast as they are read, until it hears a line.
FLOOD = """
import socket, sys, threading
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
connection = listening.accept()[0]
connection.recv(65536)
connection.sendall(bytes.fromhex(sys.argv[1]))
heard = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), heard.set()), daemon=True).start()
while not heard.wait(0):
    connection.sendall(bytes.fromhex(sys.argv[2]) * 100)
connection.sendall(bytes.fromhex(sys.argv[3]))
"""


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
def flood() -> Iterator[subprocess.Popen[str]]:
    begin, nothing = (event(chunk({"content": content})) for content in ("a", ""))
    end = chunked(b"".join(map(payload, END))) + b"0\r\n\r\n"
    sent = [data.hex() for data in (HEAD + chunked(begin), chunked(nothing), end)]
    with subprocess.Popen([sys.executable, "-c", FLOOD, *sent], stdin=PIPE, stdout=PIPE, text=True, bufsize=1) as flood:
        yield flood
        flood.kill()


async def test_a_flood_of_nothing_leaves_the_event_loop_its_turns(flood: Any):
    """Nothing that the caller would wait for comes of what is read."""
    model = OpenAIChatModel(base_url=f"http://127.0.0.1:{flood.stdout.readline().strip()}/v1")
    asking = asyncio.create_task(read_slowly(model, pause=0.1))
    await asyncio.sleep(1)  # which ends while the flood goes on
    flood.stdin.write("enough\n")
    assert await asking == ["a"]
    await model.aclose()


async def test_a_connection_whose_answer_ended_meanwhile_serves_the_next_at_once():
    """The end has come while the caller was away with the first piece: the connection is not its own any more."""
    script: Script = [b": wait\n\n", {"delay": 0.05}, {"text": "first"}, {"delay": 0.05}, {"text": "last"}, *END]
    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        async with aclosing(model.stream(REQUEST)) as deltas:
            assert isinstance(await anext(deltas), TextDelta)
            await asyncio.sleep(0.5)
            assert isinstance(await anext(deltas), TextDelta)
            assert text(await asyncio.wait_for(ask(model), 10)) == "firstlast"
        assert provider.connections == 1
        await model.aclose()
