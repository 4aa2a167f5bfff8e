"""Going on with a run from its transcript."""

import asyncio
from contextlib import aclosing

from agents.errors import ErrorCode
from agents.events import (
    AnyEvent,
    ChatChunk,
    ChatComplete,
    ToolCallComplete,
    ToolCallStart,
)
from agents.limits import Limits
from agents.messages import AssistantMessage, ToolCall, ToolMessage, UserMessage
from agents.streaming_agent import StreamingAgent
from agents.tests.scripted_agent import calling, make_agent
from agents.tests.scripted_model import assert_history
from agents.transcript import Transcript
from tools.base import tool


async def groups_of(agent: StreamingAgent, transcript: Transcript) -> list[tuple[AnyEvent, ...]]:
    async with aclosing(agent.resume(transcript)) as groups:
        return [group async for group in groups]


async def test_open_calls_of_a_transcript_are_run_without_announcing_them_again():
    agent = make_agent(["4 and 6."])
    transcript = Transcript(
        messages=[
            UserMessage("Double 1, 2 and 3."),
            AssistantMessage("Wait.", tool_calls=(calling(1), calling(2), calling(3))),
            ToolMessage("call_1", "2"),
        ],
        announced={"call_1", "call_2"},
        tool_calls=3,
    )
    transcript.restore_answer("Wait.")
    groups = await groups_of(agent, transcript)
    assert [[(type(event), event.tool_call.id) for event in group] for group in groups[:2]] == [
        [(ToolCallStart, "call_3")],
        [(ToolCallComplete, "call_2"), (ToolCallComplete, "call_3")],
    ]
    assert groups[2:-1] == [(ChatChunk(content="\n\n4 and 6."),)]
    assert groups[-1][0].final_response == "Wait.\n\n4 and 6."
    assert groups[-1][0].total_tool_calls == 3
    assert_history(transcript.messages)


async def test_nothing_is_announced_where_all_was_announced_before():
    agent = make_agent(["2."])
    messages = [UserMessage("Double 1."), AssistantMessage(tool_calls=(calling(1),))]
    groups = await groups_of(agent, Transcript(messages=messages, announced={"call_1"}))
    assert [type(event) for group in groups for event in group] == [ToolCallComplete, ChatChunk, ChatComplete]


async def test_a_transcript_without_open_calls_asks_the_model():
    agent = make_agent(["2."])
    answered = [UserMessage("Double 1."), AssistantMessage(tool_calls=(calling(1),)), ToolMessage("call_1", "2")]
    groups = await groups_of(agent, Transcript(messages=answered))
    assert groups[0] == (ChatChunk(content="2."),)
    assert groups[-1][0].final_response == "2."


async def test_an_answered_transcript_only_ends():
    agent = make_agent()
    transcript = Transcript(messages=[UserMessage("Hi"), AssistantMessage("Hello")])
    transcript.restore_answer("Hello")
    assert [event.final_response for (event,) in await groups_of(agent, transcript)] == ["Hello"]
    assert agent.llm.requests == []


async def test_rounds_of_earlier_attempts_count():
    agent = make_agent([calling(3)], limits=Limits(max_rounds=2))
    messages = [UserMessage("Go"), AssistantMessage(tool_calls=(calling(1),)), ToolMessage("call_1", "2")]
    groups = await groups_of(agent, Transcript(messages=messages))
    assert groups[-1][0].error_code is ErrorCode.TOOL_ROUNDS_EXCEEDED


async def test_the_next_step_waits_until_a_group_was_taken():
    """Whoever stores each group before it asks for more has stored a call before it runs."""
    runs = []

    @tool
    async def note() -> str:
        """Note that it ran."""
        runs.append(1)
        return "noted"

    agent = make_agent([ToolCall("call_1", "note")], ["Done."], tools=(note,))
    transcript = Transcript(messages=[UserMessage("Go")])
    async with aclosing(agent.resume(transcript)) as groups:
        (start,) = await anext(groups)
        assert isinstance(start, ToolCallStart)
        await asyncio.sleep(0.01)
        assert runs == []
        await anext(groups)
        assert runs == [1]
        await asyncio.sleep(0.01)
        assert len(agent.llm.requests) == 1
        await anext(groups)
        assert len(agent.llm.requests) == 2
