"""What is told of tool calls, and in which order."""

import time

import pytest

from tests.wire.client import Client, Frame
from tests.wire.scripts import calls, says, turns, uses


@pytest.fixture
async def agent(alice: Client) -> dict[str, str]:
    """The options that ask an agent with the tests' own tools."""
    tools = ["wait", "fail", "explode", "repeat", "dangerous", "calculate"]
    await alice.post("/agents/worker", {"name": "Worker", "tools": tools, "tool_call_timeout": 0.8})
    return {"agent_name": "worker"}


def told(frames: list[Frame]) -> list[tuple[str, str]]:
    """(event, call id) of each tool event."""
    return [(frame.type, frame.event["tool_call"]["id"]) for frame in frames if "tool_call" in frame.event]


def call_of(frames: list[Frame], event_type: str) -> dict[str, object]:
    (event,) = [frame.event for frame in frames if frame.type == event_type]
    return dict(event["tool_call"])


async def test_all_starts_come_before_the_first_result_and_results_as_tools_finish(alice: Client, agent):
    message = uses(("wait", {"seconds": 0.5}), ("wait", {"seconds": 0.02}), ("wait", {"seconds": 0.25}))
    frames = await alice.tell(message, **agent)
    assert told(frames) == [
        ("tool_call_start", "c0"),
        ("tool_call_start", "c1"),
        ("tool_call_start", "c2"),
        ("tool_call_complete", "c1"),
        ("tool_call_complete", "c2"),
        ("tool_call_complete", "c0"),
    ]


async def test_parallel_calls_take_as_long_as_the_longest(alice: Client, agent):
    frames = await alice.tell(uses(*[("wait", {"seconds": 0.4})] * 4), **agent)
    times = [frame.event["tool_call"]["execution_time_ms"] for frame in frames if frame.type == "tool_call_complete"]
    assert len(times) == 4
    assert all(400 <= milliseconds < 800 for milliseconds in times)
    assert frames[-1].event["duration_ms"] < 1600


async def test_without_parallel_tools_calls_run_one_after_the_other(alice: Client, agent):
    message = uses(("wait", {"seconds": 0.2}), ("wait", {"seconds": 0.01}))
    frames = await alice.tell(message, parallel_tools=False, **agent)
    assert [event for event in told(frames) if event[0] == "tool_call_complete"] == [
        ("tool_call_complete", "c0"),
        ("tool_call_complete", "c1"),
    ]
    order = told(frames)
    assert order.index(("tool_call_complete", "c0")) < order.index(("tool_call_start", "c1"))


async def test_an_agent_runs_no_more_calls_at_once_than_it_may(alice: Client):
    await alice.post("/agents/narrow", {"tools": ["wait"], "max_parallel_tools": 1})
    started = time.monotonic()
    frames = await alice.tell(uses(*[("wait", {"seconds": 0.15})] * 4), agent_name="narrow")
    assert time.monotonic() - started >= 0.6
    assert len([frame for frame in frames if frame.type == "tool_call_complete"]) == 4


async def test_a_start_shows_the_arguments_and_that_it_executes(alice: Client, agent):
    start = call_of(await alice.tell(uses(("wait", {"seconds": 0.01})), **agent), "tool_call_start")
    assert start == {
        "id": "c0",
        "name": "wait",
        "arguments": {"seconds": 0.01},
        "status": "executing",
        "result": None,
        "error": None,
        "execution_time_ms": None,
    }


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("fail", {"reason": "no luck"}, "no luck"),
        ("explode", {}, "explode failed unexpectedly"),
        ("unknown_tool", {}, "There is no tool named 'unknown_tool'"),
        ("wait", {"seconds": "soon"}, "seconds"),
        ("wait", {}, "seconds"),
        ("wait", {"seconds": 0, "minutes": 1}, "minutes"),
        ("wait", {"seconds": 5}, "wait timed out after 0.8 s"),
        ("wait", "{broken", "not one valid JSON object"),
        ("calculate", {"expression": "1/0"}, "zero"),
        ("dangerous", {}, "needs a person's approval"),
    ],
)
async def test_a_tool_that_fails_is_an_event_and_the_answer_goes_on(alice: Client, agent, name, arguments, error):
    frames = await alice.tell(uses((name, arguments), then="Never mind."), **agent)
    call = call_of(frames, "tool_call_error")
    assert (call["status"], call["result"]) == ("failed", None)
    assert error in str(call["error"])
    assert "etc/shadow" not in str(call["error"])
    assert (frames[-1].type, frames[-1].event["final_response"]) == ("chat_complete", "Never mind.")


async def test_rounds_follow_each_other_until_the_model_calls_nothing(alice: Client, agent):
    message = turns(
        calls(("calculate", {"expression": "1+1"})), calls(("calculate", {"expression": "2+2"})), says("Both done.")
    )
    frames = await alice.tell(message, **agent)
    results = [frame.event["tool_call"]["result"]["result"] for frame in frames if frame.type == "tool_call_complete"]
    assert results == [2, 4]
    assert frames[-1].event["total_tool_calls"] == 2


async def test_calculator_bombs_come_back_at_once_while_the_server_answers(alice: Client):
    bombs = ["9**9**9", "9**(4*10**6)", "2**2**2**2**2**2", "factorial(10**7)", "(" * 500 + "1" + ")" * 500]
    frames = await alice.tell(uses(*[("calculate", {"expression": bomb}) for bomb in bombs], then="Boom?"))
    ended = [frame.event["tool_call"] for frame in frames if frame.type in {"tool_call_error", "tool_call_complete"}]
    assert len(ended) == len(bombs)
    assert all(call["status"] == "failed" for call in ended)
    assert max(call["execution_time_ms"] for call in ended) <= 50
    assert frames[-1].event["final_response"] == "Boom?"
    assert (await alice.get("/health")).json["status"] == "healthy"
