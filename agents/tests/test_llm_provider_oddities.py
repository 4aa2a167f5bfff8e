"""What providers really send, over a real socket: each oddity that was reported of one, and what becomes of it."""

import json
from typing import Any

import pytest

from agents.errors import ErrorCode, ModelError
from agents.events import AnyEvent, ChatComplete, Error, ToolCallComplete, ToolCallError, Usage
from agents.llm.base import ModelDelta
from agents.llm.openai import OpenAIChatModel
from agents.streaming_agent import StreamingAgent
from agents.tests.asking import ask, ask_and_fail, calls, end, reasoning, text
from agents.tests.oddities import ODDITIES, PARIS, piece, told
from tests.provider import Provider
from tests.provider_script import Script, Step, chunk, payload, say

DONE: Script = [{"finish": "stop"}, {"done": True}]
PAUSE: Step = {"delay": 0.005}  # seconds: what comes after it is another read
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


async def deltas_of(*steps: Step) -> list[ModelDelta]:
    """Return what a model says whose provider plays these steps."""
    async with Provider(list(steps)) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        deltas = await ask(model)
        await model.aclose()
    return deltas


async def failure_of(*steps: Step) -> tuple[str, ModelError]:
    """Return the text before the failure, and the failure; nothing is tried again."""
    async with Provider(list(steps)) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        shown, failure = await ask_and_fail(model)
        await model.aclose()
    assert len(provider.requests) == 1
    return text(shown), failure


async def weather(city: str = "nowhere") -> str:
    """Tell the weather."""
    return f"Rain in {city}"


async def run(turn: Script) -> tuple[list[AnyEvent], list[dict[str, Any]]]:
    """Return the events of a run whose first turn this is, and the messages that the second request ends with."""
    turns = [turn, say("Well.")]
    async with Provider(lambda _: turns.pop(0)) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        agent = StreamingAgent(llm=model)
        agent.add_tool(weather)
        events = [event async for event in agent.stream("Go")]
        await model.aclose()
    return events, provider.requests[-1].body["messages"][2:]


@pytest.mark.parametrize(("pieces", "expected"), ODDITIES.values(), ids=ODDITIES)
@pytest.mark.parametrize("pause", [[], [PAUSE]], ids=["one read", "many reads"])
async def test_tool_calls_are_put_together_however_they_are_sent(pieces: Any, expected: Any, pause: Script):
    steps = [step for sent in pieces for step in ({"tool_calls": [sent]}, *pause)]
    found = calls(await deltas_of(*steps, *DONE))
    assert told(found) == expected
    assert len({call.id for call in found}) == len(found)
    assert all(call.id for call in found)


@pytest.mark.parametrize("reason", ["stop", None, "end_turn", "error", "tool_calls"])
async def test_calls_are_executed_whatever_the_finish_reason_is(reason: str | None):
    call = piece("weather", PARIS, index=0, id="a")
    events, answers = await run([{"tool_calls": [call]}, {"finish": reason}, {"done": True}])
    assert [event.tool_call.result for event in events if isinstance(event, ToolCallComplete)] == ["Rain in Paris"]
    assert isinstance(events[-1], ChatComplete)
    assert answers[-1] == {"role": "tool", "tool_call_id": "a", "content": "Rain in Paris"}


async def test_open_arguments_at_the_length_limit_are_not_executed():
    events, answers = await run([{"tool_calls": [piece("weather", PARIS[:9], index=0, id="a")]}, {"finish": "length"}])
    assert [type(event) for event in events if isinstance(event, ToolCallComplete | ToolCallError)] == [ToolCallError]
    assert "length limit" in answers[-1]["content"]


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "arguments that do not parse": (piece("weather", '{"city": "Par', index=0, id="a"), "not one valid JSON object"),
    "arguments that are a list": (piece("weather", '["Paris"]', index=0, id="a"), "not one valid JSON object"),
    "objects glued to something else": (piece("weather", PARIS + "[1]", index=0, id="a"), "not one valid JSON object"),
    "an invented tool": (piece("multi_tool_use.parallel", "{}", index=0, id="a"), "multi_tool_use.parallel"),
    "an argument that does not fit": (piece("weather", '{"city": {"name": 1}}', index=0, id="a"), "city"),
}


@pytest.mark.parametrize(("call", "words"), UNUSABLE.values(), ids=UNUSABLE)
async def test_a_call_that_cannot_be_executed_is_told_to_the_model_and_the_run_goes_on(call: Any, words: str):
    events, (asked, answered) = await run([{"tool_calls": [call]}, *DONE])
    (failed,) = [event for event in events if isinstance(event, ToolCallError)]
    assert words in str(failed.tool_call.error)
    assert isinstance(events[-1], ChatComplete)
    assert isinstance(json.loads(asked["tool_calls"][0]["function"]["arguments"]), dict)
    assert (answered["role"], answered["tool_call_id"]) == ("tool", asked["tool_calls"][0]["id"])
    assert words in answered["content"]


@pytest.mark.parametrize("arguments", [None, "", {}])
async def test_a_tool_may_be_called_without_arguments(arguments: Any):
    events, (asked, answered) = await run([{"tool_calls": [piece("weather", arguments, index=0, id="a")]}, *DONE])
    assert isinstance(events[-1], ChatComplete)
    assert asked["tool_calls"][0]["function"]["arguments"] == "{}"
    assert answered["content"] == "Rain in nowhere"


async def test_vendor_fields_of_a_call_go_back_as_they_came():
    thought = {"google": {"thought_signature": "c2lnbmF0dXJl"}}
    call = {**piece("weather", PARIS, index=0, id="a"), "type": "function", "extra_content": thought}
    _, (asked, _) = await run([{"tool_calls": [call]}, *DONE])
    assert asked["tool_calls"][0]["extra_content"] == thought


SKIPPED: dict[str, Any] = {
    "no choices, as in Azure's first chunk": {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
    "choices that are null": {"choices": None},
    "choices that are missing": {"id": "x"},
    "a delta that is null": {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
    "a choice without a delta": {"choices": [{"index": 0}]},
}


@pytest.mark.parametrize("odd", SKIPPED.values(), ids=SKIPPED)
async def test_chunks_without_content_are_skipped(odd: Any):
    assert text(await deltas_of({"chunk": odd}, {"text": "o"}, {"chunk": odd}, {"text": "k"}, *DONE)) == "ok"


def counted(usage: Any, finish: str | None = None) -> Step:
    return {"chunk": chunk({"content": "x"}, finish, usage=usage)}


COUNTS: dict[str, Script] = {
    "on the last chunk with content": [counted(USAGE, "stop"), {"done": True}],
    "on every chunk": [counted({**USAGE, "completion_tokens": 1}), counted(USAGE), *DONE],
    "in a chunk of its own": [counted(None), {"finish": "stop"}, {"usage": [5, 7]}, {"done": True}],
    "before chunks that have none": [counted(USAGE), counted(None, "stop"), {"done": True}],
}


@pytest.mark.parametrize("script", COUNTS.values(), ids=COUNTS)
async def test_usage_is_found_wherever_it_is_sent(script: Script):
    assert end(await deltas_of(*script)).usage == Usage(input_tokens=5, output_tokens=7)


async def test_usage_that_is_never_sent_is_estimated():
    events, _ = await run([{"text": "No call."}, *DONE])
    assert isinstance(events[-1], ChatComplete)
    assert events[-1].usage.estimated
    assert events[-1].usage.output_tokens > 0


@pytest.mark.parametrize(
    "steps",
    [
        [{"chunk": chunk({"reasoning_content": "hm"})}, {"text": "yes"}],
        [{"chunk": chunk({"reasoning": "hm"})}, {"text": "yes"}],
        [{"text": ["<th", "ink>h", "m</thi", "nk>", "yes"]}],
        [{"text": "<think>h"}, PAUSE, {"text": "m</"}, PAUSE, {"text": "think>\n\nyes"}],
    ],
    ids=["reasoning_content", "reasoning", "inline, in one read", "inline, in many reads"],
)
async def test_reasoning_is_told_apart_from_the_answer(steps: Script):
    deltas = await deltas_of(*steps, *DONE)
    assert (reasoning(deltas), text(deltas)) == ("hm", "yes")


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "secret", "code": 502}},
        {"error": "secret"},
        {"object": "error", "message": "secret", "type": "BadRequestError", "code": 400},
    ],
    ids=["an object", "a text", "old vLLM"],
)
async def test_an_error_inside_the_stream_ends_the_run_without_the_words_of_the_provider(error: Any):
    shown, failure = await failure_of({"text": "begun"}, PAUSE, {"chunk": error}, {"text": "never"})
    assert shown == "begun"
    assert failure.code is ErrorCode.MODEL_ERROR
    assert "secret" not in failure.message


async def test_a_line_that_is_no_json_is_an_error_and_nothing_is_shown_twice():
    shown, failure = await failure_of({"text": "be"}, {"text": "gun"}, PAUSE, b'data: {"choices": [\n\n', *DONE)
    assert (shown, failure.code) == ("begun", ErrorCode.MODEL_ERROR)


@pytest.mark.parametrize("script", [[{"text": "half"}], [{"tool_calls": [piece("weather", PARIS, index=0)]}]])
async def test_a_stream_with_neither_finish_reason_nor_done_is_an_error_and_no_short_answer(script: Script):
    events, _ = await run(script)
    assert isinstance(events[-1], Error)
    assert events[-1].error_code is ErrorCode.MODEL_ERROR
    assert not [event for event in events if isinstance(event, ToolCallComplete | ToolCallError)]


CAFE = payload({"text": "caf\u00e9 😀 "}).replace(b"\\u00e9", "é".encode()).replace(b"\\ud83d\\ude00", "😀".encode())
ENDING = b"".join(payload(step) for step in DONE)
FRAMINGS: dict[str, list[bytes]] = {
    "several events in one read": [CAFE + CAFE + ENDING],
    "one event over many reads": [*(bytes([byte]) for byte in CAFE + CAFE), ENDING],
    "line ends of two characters": [(CAFE + CAFE + ENDING).replace(b"\n", b"\r\n")],
    "line ends of two characters, cut between them": [
        part for half in (CAFE, CAFE, ENDING) for part in (half[:-1] + b"\r", b"\n\r\n")
    ],
    "comments between": [b": OPENROUTER PROCESSING\n\n", CAFE, b": OPENROUTER PROCESSING\n\n", CAFE + ENDING],
    "no space after the colon": [(CAFE + CAFE + ENDING).replace(b"data: ", b"data:")],
}


@pytest.mark.parametrize("reads", FRAMINGS.values(), ids=FRAMINGS)
async def test_the_stream_is_read_however_it_is_framed_and_cut(reads: list[bytes]):
    pause = {"delay": 0.0005 if len(reads) > 50 else 0.005}
    steps = [step for read in reads for step in (read, pause)]
    assert text(await deltas_of(*steps)) == "café 😀 " * 2
