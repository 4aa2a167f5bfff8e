"""Stopping a run at any moment: everything is closed, and the history stays valid."""

import asyncio
from contextlib import aclosing
from itertools import pairwise

import pytest

from agents.events import (
    AnyEvent,
    ToolCallComplete,
)
from agents.messages import AssistantMessage, ToolCall, ToolMessage
from agents.streaming_agent import StreamingAgent
from agents.tests.scripted_agent import make_agent
from agents.tests.scripted_model import ask, assert_history
from agents.transcript import NOT_RUN
from tools.base import tool


async def test_cancellation_passes_through_and_closes_the_model():
    agent = make_agent(["Half", asyncio.Event()])
    heard = asyncio.Event()

    async def listen() -> None:
        async with aclosing(agent.stream("Go")) as events:
            async for _ in events:
                heard.set()

    task = asyncio.create_task(listen())
    await heard.wait()
    assert agent.llm.open == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert agent.llm.open == 0
    assert agent.history[-1] == AssistantMessage("Half")


async def test_closing_the_stream_closes_the_model():
    agent = make_agent(["Half", asyncio.Event()])
    async with aclosing(agent.stream("Go")) as events:
        await anext(events)
        assert agent.llm.open == 1
    assert agent.llm.open == 0


def slow_tools(releases: dict[int, asyncio.Event]) -> StreamingAgent:
    """Three parallel calls that end in the order 3, 1, 2, between two turns with text."""

    @tool
    async def wait(number: int) -> str:
        """Wait for the one before."""
        await releases[number].wait()
        for following, before in pairwise((2, 1, 3)):
            if before == number:
                asyncio.get_running_loop().call_later(0.002, releases[following].set)
        return f"waited {number}"

    calls = [ToolCall(f"call_{number}", "wait", f'{{"number": {number}}}') for number in (1, 2, 3)]
    return make_agent(["I will ", "wait.", *calls], ["It is ", "done."], ["Again."], tools=(wait,))


def all_but_the_third_wait() -> dict[int, asyncio.Event]:
    releases = {number: asyncio.Event() for number in (1, 2, 3)}
    releases[3].set()
    return releases


async def test_the_run_that_is_stopped_below_has_ten_or_more_events():
    events = await ask(slow_tools(all_but_the_third_wait()))
    assert [event.tool_call.id for event in events if isinstance(event, ToolCallComplete)] == [
        "call_3",
        "call_1",
        "call_2",
    ]
    assert len(events) == 11


async def listen(agent: StreamingAgent, taken: int, enough: asyncio.Event, *, leave: bool) -> list[AnyEvent]:
    """Take events; at the one with number `taken` say so, and leave then where that is wished."""
    heard: list[AnyEvent] = []
    async with aclosing(agent.stream("Go")) as events:
        async for event in events:
            heard.append(event)
            if len(heard) == taken:
                enough.set()
                if leave:
                    break
    enough.set()
    return heard


@pytest.mark.parametrize("how", ["close", "cancel"])
@pytest.mark.parametrize("taken", range(1, 12))
async def test_the_history_is_valid_wherever_the_run_is_stopped(taken, how):
    agent = slow_tools(all_but_the_third_wait())
    running = len(asyncio.all_tasks())
    enough = asyncio.Event()
    task = asyncio.create_task(listen(agent, taken, enough, leave=how == "close"))
    await enough.wait()
    if how == "cancel":
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert_history(agent.history)
    assert agent.llm.open == 0
    assert len(asyncio.all_tasks()) == running
    results = [message.content for message in agent.history if isinstance(message, ToolMessage)]
    assert set(results) <= {NOT_RUN, "waited 1", "waited 2", "waited 3"}
    assert len(results) in (0, 3)

    agent.llm.turns[len(agent.llm.requests) :] = [["Again."]]
    assert (await ask(agent, "Once more"))[-1].final_response == "Again."
