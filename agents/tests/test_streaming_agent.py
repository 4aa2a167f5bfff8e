"""The loop: model turns and tool rounds, and how a run ends."""

import asyncio
import logging
from contextlib import aclosing

import pytest

from agents.errors import ErrorCode, ModelError
from agents.events import (
    ChatChunk,
    ChatComplete,
    Error,
    ModelRetry,
    ReasoningChunk,
    ToolCallComplete,
    ToolCallError,
    ToolCallStart,
    Usage,
)
from agents.limits import Limits
from agents.llm.base import ReasoningDelta, Retry, TurnEnd
from agents.messages import AssistantMessage, SystemMessage, ToolCall, ToolMessage, UserMessage
from agents.tests.scripted_agent import calling, double, make_agent, text
from agents.tests.scripted_model import CUT, ask, assert_history
from tools.base import tool
from tools.exceptions import ToolDefinitionError


async def test_text_leaves_piece_by_piece_and_ends_with_the_whole():
    agent = make_agent(["Hel", "lo", TurnEnd(finish_reason="length", usage=Usage(input_tokens=7, output_tokens=2))])
    *chunks, last = await ask(agent)
    assert chunks == [ChatChunk(content="Hel"), ChatChunk(content="lo")]
    assert isinstance(last, ChatComplete)
    assert (last.final_response, last.total_tool_calls, last.finish_reason) == ("Hello", 0, "length")
    assert last.usage == Usage(input_tokens=7, output_tokens=2)
    assert 0 <= last.first_token_ms <= last.duration_ms


async def test_an_event_leaves_before_the_model_says_the_next():
    more = asyncio.Event()
    agent = make_agent(["first", more, "second"])
    async with aclosing(agent.stream("Go")) as events:
        assert await anext(events) == ChatChunk(content="first")
        more.set()
        assert await anext(events) == ChatChunk(content="second")


async def test_the_model_reads_instructions_history_tools_and_settings():
    agent = make_agent(["One."], ["Two."], instructions="Be brief.", model="m-1", settings={"temperature": 0.5})
    await ask(agent, "First?")
    await ask(agent, "Second?")
    request = agent.llm.requests[1]
    assert request.messages == (
        SystemMessage("Be brief."),
        UserMessage("First?"),
        AssistantMessage("One."),
        UserMessage("Second?"),
    )
    assert (request.model, request.tools, request.settings) == ("m-1", (double,), {"temperature": 0.5})
    assert request.parallel_tool_calls


async def test_results_go_back_to_the_model_until_it_asks_for_nothing_more():
    agent = make_agent([calling(1)], [calling(2), calling(3)], ["Done."])
    events = await ask(agent)
    assert [type(event) for event in events] == [
        ToolCallStart, ToolCallComplete,
        ToolCallStart, ToolCallStart, ToolCallComplete, ToolCallComplete,
        ChatChunk, ChatComplete,
    ]  # fmt: skip
    assert events[-1].total_tool_calls == 3
    last_request = agent.llm.requests[-1]
    assert [message for message in last_request.messages if isinstance(message, ToolMessage)] == [
        ToolMessage("call_1", "2"),
        ToolMessage("call_2", "4"),
        ToolMessage("call_3", "6"),
    ]
    assert_history(agent.history)


async def test_reasoning_is_told_and_kept_apart_from_the_answer():
    agent = make_agent([ReasoningDelta("Let me "), ReasoningDelta("think."), "42"])
    events = await ask(agent)
    assert events[:2] == [ReasoningChunk(content="Let me "), ReasoningChunk(content="think.")]
    assert events[-1].final_response == "42"
    assert agent.history[-1] == AssistantMessage("42", reasoning="Let me think.")


async def test_text_of_a_later_round_begins_a_paragraph_of_its_own():
    agent = make_agent(["Looking", " up.", calling(1)], [calling(2)], ["It is", " 2."], ["Other."])
    events = await ask(agent)
    assert events[-1].final_response == "Looking up.\n\nIt is 2."
    assert text(events) == events[-1].final_response
    assert agent.history[-1].content == "It is 2."  # the joint is for people, not for the model
    events = await ask(agent)
    assert text(events) == events[-1].final_response == "Other."


async def test_usage_of_all_turns_is_added_up():
    agent = make_agent(
        [TurnEnd((calling(1),), "tool_calls", Usage(input_tokens=10, output_tokens=5))],
        ["Done.", TurnEnd((), "stop", Usage(input_tokens=20, output_tokens=6))],
    )
    assert (await ask(agent))[-1].usage == Usage(input_tokens=30, output_tokens=11)


async def test_usage_is_estimated_where_the_provider_did_not_count():
    agent = make_agent(
        [TurnEnd((calling(1),), "tool_calls", Usage(input_tokens=10, output_tokens=5))], ["12345678"], instructions=""
    )
    usage = (await ask(agent, "abcd"))[-1].usage
    assert usage.estimated
    assert usage.output_tokens == 5 + 2
    # Four characters a token: "abcd", the call's name and arguments, and its result "2".
    assert usage.input_tokens == 10 + -(-(4 + len("double") + len('{"number": 1}') + 1) // 4)


async def test_a_retry_before_the_first_token_is_told():
    agent = make_agent([Retry(2, ErrorCode.MODEL_RATE_LIMITED, 0.5), "Hello"])
    events = await ask(agent)
    assert events[0] == ModelRetry(attempt=2, error_code=ErrorCode.MODEL_RATE_LIMITED, delay_ms=500)


# --- how it fails ----------------------------------------------------------------------------------------------------
async def test_a_model_that_fails_ends_the_run_with_its_code_and_keeps_the_text():
    agent = make_agent(["Half an ans", ModelError(ErrorCode.MODEL_TIMEOUT, "It took too long.")])
    *chunks, last = await ask(agent)
    assert text(chunks) == "Half an ans"
    assert last == Error(error_code=ErrorCode.MODEL_TIMEOUT, error_message="It took too long.")
    assert agent.history[-1] == AssistantMessage("Half an ans")
    assert agent.llm.open == 0


async def test_a_model_that_fails_before_its_first_token_leaves_no_message():
    agent = make_agent([ModelError(ErrorCode.MODEL_UNAVAILABLE, "No.")], ["Hello"])
    assert (await ask(agent))[-1].error_code is ErrorCode.MODEL_UNAVAILABLE
    assert agent.history == [UserMessage("Go")]
    assert (await ask(agent))[-1].final_response == "Hello"


async def test_an_answer_without_an_end_is_an_error():
    *_, last = await ask(make_agent(["Half an ans", CUT]))
    assert (last.error_code, last.error_message) == (ErrorCode.MODEL_ERROR, "The model's answer broke off. Try again.")


async def test_a_bug_is_logged_and_shown_without_its_insides(caplog):
    agent = make_agent(["Half", ZeroDivisionError("secret /path")])
    with caplog.at_level(logging.ERROR):
        *_, last = await ask(agent)
    assert last.error_code is ErrorCode.INTERNAL_ERROR
    assert last.error_message == "Something went wrong on our side. Try again."
    assert "secret /path" in caplog.text
    assert "Traceback" in caplog.text
    assert agent.history[-1] == AssistantMessage("Half")


async def test_rounds_are_bounded():
    turns = [[calling(number)] for number in range(1, 9)]
    agent = make_agent(*turns, limits=Limits(max_rounds=3))
    events = await ask(agent)
    assert len(agent.llm.requests) == 3
    assert events[-1].error_code is ErrorCode.TOOL_ROUNDS_EXCEEDED
    assert "3 rounds" in events[-1].error_message
    assert_history(agent.history)


async def test_the_last_round_may_answer():
    agent = make_agent([calling(1)], [calling(2)], ["Done."], limits=Limits(max_rounds=3))
    assert (await ask(agent))[-1].final_response == "Done."


@pytest.mark.parametrize(
    ("turn", "limits", "name"),
    [
        (["12345", "67890"], Limits(max_output_chars=9), "MAX_OUTPUT_CHARS"),
        ([ReasoningDelta("12345"), "67890"], Limits(max_output_chars=9), "MAX_OUTPUT_CHARS"),
        ([calling(1), calling(2)], Limits(max_tool_calls=1), "MAX_TOOL_CALLS"),
        ([ToolCall("call_1", "double", '{"number": 123456}')], Limits(max_tool_argument_chars=10),
         "MAX_TOOL_ARGUMENT_CHARS"),
    ],
)  # fmt: skip
async def test_passing_a_limit_ends_the_run_with_its_name(turn, limits, name):
    agent = make_agent(turn, limits=limits)
    *events, last = await ask(agent)
    assert last.error_code is ErrorCode.LIMIT_EXCEEDED
    assert name in last.error_message
    assert not any(isinstance(event, ToolCallStart) for event in events)
    assert_history(agent.history)
    assert agent.llm.open == 0


async def test_tool_calls_are_counted_over_all_rounds():
    agent = make_agent([calling(1)], [calling(2)], ["Done."], limits=Limits(max_tool_calls=1))
    assert "MAX_TOOL_CALLS" in (await ask(agent))[-1].error_message


async def test_what_reaches_a_limit_without_passing_it_goes_on():
    limits = Limits(max_output_chars=5, max_tool_calls=1, max_tool_argument_chars=len('{"number": 1}'))
    agent = make_agent([calling(1)], ["Done."], limits=limits)
    assert (await ask(agent))[-1].final_response == "Done."


# --- tools -----------------------------------------------------------------------------------------------------------
async def test_a_typed_function_becomes_a_tool_whether_async_or_plain():
    def shout(text: str) -> str:
        """Say it louder."""
        return text.upper()

    async def whisper(text: str) -> str:
        """Say it softer."""
        return text.lower()

    agent = make_agent(
        [ToolCall("a", "shout", '{"text": "Hey"}'), ToolCall("b", "whisper", '{"text": "Hey"}')], ["Done."], tools=()
    )
    agent.add_tool(shout)
    agent.add_tool(whisper)
    agent.add_tool(double)
    events = await ask(agent)
    results = {event.tool_call.id: event.tool_call.result for event in events if isinstance(event, ToolCallComplete)}
    assert results == {"a": "HEY", "b": "hey"}
    assert [tool.name for tool in agent.llm.requests[0].tools] == ["shout", "whisper", "double"]


def test_a_name_that_is_taken_is_refused():
    agent = make_agent()
    with pytest.raises(ValueError, match="has a tool named 'double' already"):
        agent.add_tool(double)


def test_a_function_that_a_model_cannot_call_is_refused():
    def undocumented(text):
        return text

    with pytest.raises(ToolDefinitionError):
        make_agent().add_tool(undocumented)


async def test_a_tool_that_fails_is_data_for_the_model_and_the_run_goes_on():
    @tool
    async def fail() -> str:
        """Fail."""
        raise RuntimeError("secret")

    agent = make_agent([ToolCall("call_1", "fail")], ["It failed."], tools=(fail,))
    events = await ask(agent)
    assert isinstance(events[1], ToolCallError)
    assert events[-1].final_response == "It failed."
    assert agent.history[2] == ToolMessage("call_1", "Error: fail failed unexpectedly")
