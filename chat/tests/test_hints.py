"""Hints between processes: who hears what, and that nothing depends on them."""

import asyncio
import uuid
from typing import Any

import pytest
from channels.layers import channel_layers

from chat.hints import Hints


class Wire:
    """A channel layer that joins the processes of a test. While it is `down`, nothing can be sent or received."""

    def __init__(self) -> None:
        self.queues: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self.groups: dict[str, set[str]] = {}
        self.sent: list[dict[str, Any]] = []
        self.down = False

    async def new_channel(self) -> str:
        if self.down:
            raise ConnectionError("the wire is down")
        name = f"channel{len(self.queues)}"
        self.queues[name] = asyncio.Queue()
        return name

    async def group_add(self, group: str, channel: str) -> None:
        self.groups.setdefault(group, set()).add(channel)

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self.queues[channel].get()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.down:
            raise ConnectionError("the wire is down")
        self.sent.append(message)
        for channel in self.groups.get(group, ()):
            self.queues[channel].put_nowait(message)


class Process:
    """One process: its hints, and what it has heard."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.hints = Hints(
            uuid.uuid4(),
            on_stored=lambda run_id: self.heard.append(("stored", run_id)),
            on_cancel=lambda run_id: self.heard.append(("cancel", run_id)),
            on_released=lambda: self.heard.append("released"),
        )


@pytest.fixture
def wire():
    wire = Wire()
    before = channel_layers.backends.get("default")
    channel_layers.backends["default"] = wire
    yield wire
    channel_layers.backends.pop("default")
    if before is not None:
        channel_layers.backends["default"] = before


@pytest.fixture
async def pair(wire: Wire):
    processes = Process(), Process()
    async with asyncio.timeout(5):
        while len(wire.groups.get("chat.hints", ())) < 2:  # noqa: ASYNC110 - they subscribe in tasks of their own
            await asyncio.sleep(0)
    yield processes
    for process in processes:
        await process.hints.close()


async def until(fact) -> None:
    async with asyncio.timeout(5):
        while not fact():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)


async def test_the_other_process_hears_and_oneself_does_not(pair):
    here, there = pair
    run_id = uuid.uuid4()
    here.hints.stored([(run_id, 3)])
    here.hints.cancel(run_id)
    await here.hints.released()
    await until(lambda: len(there.heard) == 3)
    assert set(there.heard) == {("stored", run_id), ("cancel", run_id), "released"}
    assert here.heard == []


async def test_hints_that_come_faster_than_they_are_sent_become_one(pair, wire):
    here, there = pair
    run_id = uuid.uuid4()
    for seq in range(50):
        here.hints.stored([(run_id, seq)])
    await until(lambda: there.heard)
    assert len(wire.sent) == 1
    assert wire.sent[0]["stored"] == {run_id.hex: 49}


async def test_hints_carry_no_content(pair, wire):
    here, there = pair
    here.hints.stored([(uuid.uuid4(), 1)])
    await until(lambda: there.heard)
    assert set(wire.sent[0]) == {"type", "from", "stored"}


async def test_a_wire_that_is_down_costs_a_hint_and_nothing_else(pair, wire):
    here, there = pair
    wire.down = True
    here.hints.stored([(uuid.uuid4(), 1)])
    here.hints.cancel(uuid.uuid4())
    await here.hints.released()
    await until(lambda: here.hints.failures == 3)
    assert await here.hints.state() == "unreachable"
    wire.down = False
    assert await here.hints.state() == "ok"
    here.hints.stored([(uuid.uuid4(), 2)])
    await until(lambda: len(there.heard) == 1)


async def test_a_process_that_cannot_subscribe_tries_again(wire):
    wire.down = True
    process = Process()
    await until(lambda: process.hints.failures == 1)
    wire.down = False
    async with asyncio.timeout(5):
        while not wire.groups:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    await process.hints.close()


async def test_without_redis_nothing_is_sent_and_nothing_is_wrong():
    process = Process()
    process.hints.stored([(uuid.uuid4(), 1)])
    process.hints.cancel(uuid.uuid4())
    await process.hints.released()
    assert await process.hints.state() == "off"
    await process.hints.close()
