"""A round of tool calls: how many run at once, in which order they are told, and what is refused."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.events import AnyEvent, ToolCallComplete, ToolCallError, ToolCallStart, ToolCallState
from agents.limits import Limits
from agents.messages import ToolCall, ToolMessage, UserMessage
from agents.streaming_agent import StreamingAgent
from agents.tests.scripted_model import ScriptedModel, ask, assert_history
from agents.tool_round import NEEDS_APPROVAL, ToolRound
from agents.transcript import Transcript
from tools.base import Tool, ToolContext, tool
from tools.exceptions import ToolError


class Workbench:
    """A tool that notes when calls begin and end. A call ends when it is released, or after `pause` seconds."""

    def __init__(self, pause: float | None = None) -> None:
        self.pause = pause
        self.log: list[str] = []
        self.begun = asyncio.Semaphore(0)
        self.running = self.most = 0
        self.releases: dict[int, asyncio.Event] = {}

    @property
    def tool(self) -> Tool:
        async def work(number: int) -> int:
            """Work."""
            self.log.append(f"begin {number}")
            self.begun.release()
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                if self.pause is None:
                    await self.releases.setdefault(number, asyncio.Event()).wait()
                else:
                    await asyncio.sleep(self.pause)
            except asyncio.CancelledError:
                self.log.append(f"cancelled {number}")
                raise
            finally:
                self.running -= 1
            self.log.append(f"end {number}")
            return number

        return Tool.from_function(work)

    async def wait_for_begin_of(self, calls: int) -> None:
        for _ in range(calls):
            await self.begun.acquire()

    def release(self, number: int) -> None:
        self.releases.setdefault(number, asyncio.Event()).set()


def work(number: int) -> ToolCall:
    return ToolCall(f"call_{number}", "work", f'{{"number": {number}}}')


def agent_with(*tools: Tool, calls: list[ToolCall], **options: object) -> StreamingAgent:
    return StreamingAgent(llm=ScriptedModel(calls, ["Done."]), tools=tools, **options)  # type: ignore[arg-type]


def brief(events: list[AnyEvent]) -> Iterator[str]:
    for event in events:
        if isinstance(event, ToolCallStart | ToolCallComplete | ToolCallError):
            yield f"{event.tool_call.status} {event.tool_call.id}"


async def only_error(call: ToolCall, *tools: Tool, **options: object) -> tuple[ToolCallState, str]:
    """The failed call as people see it, and what the model read of it. The run went on to its end."""
    agent = agent_with(*tools, calls=[call], **options)
    events = await ask(agent)
    assert [type(event) for event in events[:2]] == [ToolCallStart, ToolCallError]
    assert events[-1].final_response == "Done."
    message = agent.history[2]
    assert isinstance(message, ToolMessage)
    assert message.tool_call_id == call.id
    return events[1].tool_call, message.content


async def test_all_starts_come_first_and_results_in_the_order_of_finishing():
    bench = Workbench()
    agent = agent_with(bench.tool, calls=[work(1), work(2), work(3)])
    asking = asyncio.create_task(ask(agent))
    await bench.wait_for_begin_of(3)
    for number in (2, 3, 1):
        bench.release(number)
        await asyncio.sleep(0.005)
    assert list(brief(await asking)) == [
        "executing call_1",
        "executing call_2",
        "executing call_3",
        "completed call_2",
        "completed call_3",
        "completed call_1",
    ]


async def test_a_start_tells_the_arguments_and_a_result_the_value_and_the_time():
    bench = Workbench(pause=0.02)
    start, complete = (await ask(agent_with(bench.tool, calls=[work(7)])))[:2]
    assert start == ToolCallStart(
        tool_call=ToolCallState(id="call_7", name="work", arguments={"number": 7}, status="executing")
    )
    assert (complete.tool_call.result, complete.tool_call.error) == (7, None)
    assert complete.tool_call.arguments == {"number": 7}
    assert 20 <= complete.tool_call.execution_time_ms < 2000


async def test_results_that_are_there_together_are_told_together():
    bench = Workbench(pause=0)
    transcript = Transcript(messages=[UserMessage("Go")])
    tools = {"work": bench.tool}
    tool_round = ToolRound(tools, max_parallel=5, timeout=5, limits=Limits())
    groups = [group async for group in tool_round.run([work(1), work(2), work(3)], transcript)]
    assert [len(group) for group in groups] == [3, 3]
    assert len(transcript.messages) == 1 + 3


@pytest.mark.parametrize("most", [1, 2, 3, 8])
async def test_so_many_calls_run_at_once_and_no_more(most):
    bench = Workbench(pause=0.005)
    await ask(agent_with(bench.tool, calls=[work(number) for number in range(8)], max_parallel_tools=most))
    assert bench.most == most


async def test_without_parallel_tools_calls_run_one_after_the_other():
    bench = Workbench(pause=0.002)
    agent = agent_with(bench.tool, calls=[work(1), work(2), work(3)], parallel_tools=False)
    events = await ask(agent)
    assert list(brief(events)) == [
        f"{status} call_{number}" for number in (1, 2, 3) for status in ("executing", "completed")
    ]
    assert bench.log == [f"{what} {number}" for number in (1, 2, 3) for what in ("begin", "end")]
    assert len(agent.llm.requests) == 2
    assert not agent.llm.requests[0].parallel_tool_calls


async def test_the_deadline_is_that_of_one_call():
    bench = Workbench()
    bench.release(2)
    agent = agent_with(bench.tool, calls=[work(1), work(2)], tool_call_timeout=0.05)
    events = await ask(agent)
    assert list(brief(events))[2:] == ["completed call_2", "failed call_1"]
    assert agent.history[-2] == ToolMessage("call_1", "Error: work timed out after 0.05 s")
    assert bench.log[-1] == "cancelled 1"
    assert events[-1].final_response == "Done."


async def test_waiting_for_a_slot_does_not_use_up_the_deadline():
    bench = Workbench(pause=0.06)
    events = await ask(agent_with(bench.tool, calls=[work(1), work(2)], max_parallel_tools=1, tool_call_timeout=0.1))
    assert list(brief(events))[2:] == ["completed call_1", "completed call_2"]


async def test_an_unknown_tool_is_an_error_that_names_the_known_ones():
    state, read = await only_error(ToolCall("call_1", "multi_tool_use.parallel"), Workbench(0).tool)
    assert state.error == "There is no tool named 'multi_tool_use.parallel'. Available tools: work."
    assert read == f"Error: {state.error}"
    state, _ = await only_error(ToolCall("call_1", "work"))
    assert state.error == "There is no tool named 'work'. Available tools: none."


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ('{"number": 1', "The arguments are not valid JSON"),
        ("[1]", "The arguments are not a JSON object"),
        ("", "The arguments are not valid JSON"),
        ('{"number": "many"}', "Invalid arguments: number: "),
        ("{}", "Invalid arguments: number: is required"),
        ('{"number": 1, "speed": 2}', "Invalid arguments: speed: there is no such parameter"),
        ("[" * 5000, "The arguments are not valid JSON"),
    ],
)
async def test_arguments_that_do_not_fit_are_an_error(arguments, complaint):
    bench = Workbench(0)
    state, read = await only_error(ToolCall("call_1", "work", arguments), bench.tool)
    assert state.error.startswith(complaint)
    assert read == f"Error: {state.error}"
    assert isinstance(state.arguments, dict)
    assert bench.log == []


async def test_a_call_with_a_problem_is_not_run():
    bench = Workbench(0)
    call = ToolCall("call_1", "work", '{"number": 1}', problem="The call was cut off.")
    state, read = await only_error(call, bench.tool)
    assert (state.error, read) == ("The call was cut off.", "Error: The call was cut off.")
    assert bench.log == []


async def test_a_tool_that_needs_approval_is_not_run():
    ran = []

    @tool(requires_approval=True)
    async def pay() -> str:
        """Pay."""
        ran.append(1)
        return "paid"

    state, _ = await only_error(ToolCall("call_1", "pay"), pay)
    assert state.error == NEEDS_APPROVAL
    assert ran == []


async def test_a_failing_tool_says_why_and_the_others_go_on():
    @tool
    async def fail() -> str:
        """Fail."""
        raise ToolError("The shop is closed")

    agent = agent_with(fail, Workbench(0).tool, calls=[ToolCall("call_0", "fail"), work(1)])
    events = await ask(agent)
    assert sorted(brief(events))[:2] == ["completed call_1", "executing call_0"]
    failed = next(event.tool_call for event in events if isinstance(event, ToolCallError))
    assert (failed.error, failed.result) == ("The shop is closed", None)
    assert ToolMessage("call_0", "Error: The shop is closed") in agent.history


async def test_a_tool_knows_its_call_and_a_key_that_stays_the_same():
    seen: list[ToolContext] = []

    @tool
    async def look(context: ToolContext) -> str:
        """Look."""
        seen.append(context)
        return "seen"

    tool_round = ToolRound({"look": look}, max_parallel=1, timeout=5, limits=Limits())
    for _ in range(2):
        transcript = Transcript(messages=[], key="run_1")
        async for _ in tool_round.run([ToolCall("call_1", "look")], transcript):
            pass
    assert seen == [ToolContext(call_id="call_1", idempotency_key="run_1:call_1")] * 2


async def test_a_long_result_is_cut_and_says_so():
    @tool
    async def recite() -> str:
        """Recite."""
        return "la " * 1000

    agent = agent_with(recite, calls=[ToolCall("call_1", "recite")], limits=Limits(max_tool_result_chars=200))
    complete = (await ask(agent))[1]
    assert isinstance(complete, ToolCallComplete)
    assert len(complete.tool_call.result) == 200
    assert complete.tool_call.result.endswith("[Cut: the result has 3,000 characters, more than the 200 allowed.]")


async def test_cancelling_the_run_cancels_the_running_tools():
    bench = Workbench()
    agent = agent_with(bench.tool, calls=[work(1), work(2), work(3)], max_parallel_tools=2)
    asking = asyncio.create_task(ask(agent))
    await bench.wait_for_begin_of(2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert bench.log[2:] == ["cancelled 1", "cancelled 2"]
    assert bench.running == 0
    assert_history(agent.history)


@given(
    pauses=st.lists(st.sampled_from([0.0, 0.001, 0.003]), min_size=3, max_size=3),
    most=st.integers(1, 3),
    parallel=st.booleans(),
    stop_after=st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
async def test_however_calls_end_and_wherever_it_stops_the_history_is_valid(pauses, most, parallel, stop_after):
    @tool
    async def step(number: int) -> int:
        """Take a step; the third one fails."""
        await asyncio.sleep(pauses[number])
        if number == 2:
            raise ToolError("Stumbled")
        return number

    numbers = count()
    calls = [ToolCall(f"call_{number}", "step", f'{{"number": {number}}}') for number in (0, 1, 2)]
    agent = agent_with(step, calls=calls, max_parallel_tools=most, parallel_tools=parallel)
    async for _ in (stream := agent.stream("Go")):
        if next(numbers) == stop_after:
            break
    await stream.aclose()
    assert_history(agent.history)
