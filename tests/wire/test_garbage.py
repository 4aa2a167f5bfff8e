"""What a request leaves behind goes at once.

The garbage collector stops everybody while it looks through all that streams hold, and until then what refers to itself
stays in memory: a request, its view, and a run with the events that it keeps for its readers.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.garbage import COLLECT
from tests.processes import wait_until
from tests.product import Product, Products
from tests.wire.client import Client
from tests.wire.scripts import calls, says, turns

TIMES = 10
MOST = 5  # objects each time: of what is done beside it, now and then
REST = 0.3  # seconds in which a server lets go of what it has answered
USES_TOOLS = turns(calls(("calculate", {"expression": "1"}), ("calculate", {"expression": "2"})), says("Done."))
Act = Callable[[Client], Awaitable[object]]


@dataclass(frozen=True)
class Watched:
    """A server that says how much garbage there is in it."""

    server: Product
    found: Path

    def garbage(self) -> int:
        """The objects that only the collector finds now."""
        before = len(self._lines())
        os.kill(self.server.pid, COLLECT)
        wait_until(lambda: len(self._lines()) > before, seconds=20, otherwise=lambda: "nothing was collected")
        return int(self._lines()[-1])

    def _lines(self) -> list[str]:
        return [line for line in self.found.read_text().splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture(scope="module")
def watched(products: Products, provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    found = tmp_path_factory.mktemp("garbage") / "found"
    found.touch()
    before = len(products)
    settings = {"PACK_EVENTS_AFTER_SECONDS": 1_000_000, "RATE_LIMIT_MESSAGES": "1000/min", "GARBAGE_FILE": found}
    yield Watched(products.serve(OPENAI_BASE_URL=provider, TOOL_MODULES="tests.garbage", **settings), found)
    products.end(since=before)


async def stream(alice: Client) -> None:
    assert (await alice.tell("say:Hello", reset_history=True))[-1].type == "chat_complete"


async def use_tools(alice: Client) -> None:
    assert (await alice.tell(USES_TOOLS, reset_history=True))[-1].type == "chat_complete"


async def ask(alice: Client) -> None:
    assert (await alice.ask("say:Hello", reset_history=True)).status == 200


async def leave(alice: Client) -> None:
    """Close the tab in the middle of an answer."""
    async with alice.stream("paced:20:20", reset_history=True) as answer:
        await answer.until("chat_chunk")


async def look(alice: Client) -> None:
    assert (await alice.get("/health")).status == 200


async def miss(alice: Client) -> None:
    assert (await alice.get("/runs/none")).status == 404


@pytest.mark.parametrize("act", [stream, use_tools, ask, leave, look, miss])
async def test_a_request_leaves_nothing_to_the_garbage_collector(watched, session, act: Act):
    alice = Client(watched.server, session, watched.server.bearer("alice"))
    await act(alice)  # what is made once
    await asyncio.sleep(REST)
    watched.garbage()
    for _ in range(TIMES):
        await act(alice)
    await asyncio.sleep(REST)
    assert watched.garbage() / TIMES <= MOST


async def test_a_socket_leaves_nothing_of_its_runs(watched, session):
    alice = Client(watched.server, session, watched.server.bearer("alice"))
    async with alice.socket() as socket:
        await socket.chat("say:Hello", reset_history=True)
        await asyncio.sleep(REST)
        watched.garbage()
        for _ in range(TIMES):
            assert (await socket.chat("say:Hello", reset_history=True))[-1]["type"] == "chat_complete"
        await asyncio.sleep(REST)
        assert watched.garbage() / TIMES <= MOST
