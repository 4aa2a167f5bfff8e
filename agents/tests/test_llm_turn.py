"""One turn read from its bytes: text, reasoning, usage, errors, and the end of the stream."""

import contextlib
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.errors import ErrorCode, ModelError
from agents.events import Usage
from agents.llm.base import ModelDelta, ReasoningDelta, TextDelta
from agents.llm.turn import Turn
from agents.tests.asking import calls, end, reasoning, text
from tests.provider_script import Step, chunk, event, payload

FINISH: Step = {"finish": "stop"}
DONE: Step = {"done": True}


def read(*steps: Step) -> list[ModelDelta]:
    """Read steps, each in a read of its own, to the end of the stream."""
    turn = Turn()
    deltas: list[ModelDelta] = []
    for step in steps:
        deltas += turn.feed(step if isinstance(step, bytes) else payload(step))
        if turn.failure:
            raise turn.failure
    return [*deltas, *turn.finish()]


def texts(*pieces: str) -> list[Step]:
    return [{"text": piece} for piece in pieces]


def test_the_text_of_one_read_leaves_in_one_delta():
    turn = Turn()
    assert turn.feed(payload({"text": ["a", "b", "c"]})) == [TextDelta("abc")]
    assert turn.feed(payload({"text": ["d"]})) == [TextDelta("d")]


def test_text_and_reasoning_of_one_read_keep_their_order():
    steps = [{"reasoning": "r1"}, {"reasoning": "r2"}, {"text": "t1"}, {"reasoning": "r3"}, {"text": ["t2", "t3"]}]
    deltas = Turn().feed(b"".join(payload(step) for step in steps))
    assert deltas == [ReasoningDelta("r1r2"), TextDelta("t1"), ReasoningDelta("r3"), TextDelta("t2t3")]


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning": "hm", "reasoning_content": "hm"},
        {"content": "", "reasoning": "hm"},
        {"content": None, "reasoning_content": "hm", "reasoning": None},
    ],
)
def test_reasoning_comes_under_several_names(delta):
    deltas = read({"chunk": chunk(delta)}, *texts("yes"), FINISH)
    assert (reasoning(deltas), text(deltas)) == ("hm", "yes")


def test_one_chunk_may_hold_the_end_of_the_reasoning_and_the_beginning_of_the_answer():
    deltas = read({"chunk": chunk({"reasoning_content": "hm", "content": "yes"})}, FINISH)
    assert deltas[:2] == [ReasoningDelta("hm"), TextDelta("yes")]


def test_a_refusal_is_text():
    assert text(read({"chunk": chunk({"content": None, "refusal": "I can't."})}, FINISH)) == "I can't."


@pytest.mark.parametrize(
    "value",
    [
        {"choices": []},
        {"choices": None},
        {},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        {"choices": "none"},
        {"choices": [None, 3]},
        {"choices": [{"delta": "x", "finish_reason": 7}]},
        {"choices": [{"delta": {"content": 3, "tool_calls": "x"}}], "usage": "none", "error": None},
    ],
)
def test_chunks_without_content_are_skipped(value):
    deltas = read({"chunk": value}, *texts("ok"), FINISH, DONE)
    assert text(deltas) == "ok"
    assert end(deltas).usage is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ({"type": "text", "text": "a"}, "a"),
        ([{"type": "image"}, "c", 5], "c"),
    ],
)
def test_content_in_parts_is_text(content, expected):
    assert text(read({"chunk": chunk({"content": content})}, FINISH)) == expected


def test_half_a_surrogate_pair_becomes_the_replacement_character():
    data = event(json.dumps(chunk({"content": "a\ud83d b \U0001f600"})))
    assert text(read(data, FINISH)) == "a\ufffd b \U0001f600"


def test_bytes_that_are_no_utf_8_become_the_replacement_character():
    assert text(read(b'data: {"choices": [{"delta": {"content": "a\xffb"}}]}\n\n', FINISH)) == "a\ufffdb"


USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


COUNTED = Usage(input_tokens=5, output_tokens=7)
PARTIAL = {"prompt_tokens": 3.0, "completion_tokens": None}


def with_usage(usage: Any, finish: str | None = None) -> Step:
    return {"chunk": chunk({"content": "x"}, finish, usage=usage)}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([FINISH, {"chunk": {"choices": [], "usage": USAGE}}, DONE], COUNTED),
        ([with_usage(USAGE, "stop")], COUNTED),
        ([with_usage({**USAGE, "completion_tokens": 1}), with_usage(USAGE), FINISH], COUNTED),
        ([with_usage(USAGE), with_usage(None, "stop")], COUNTED),
        ([with_usage(PARTIAL, "stop")], Usage(input_tokens=3)),
        ([with_usage({"total_tokens": 3}, "stop")], None),
        ([FINISH, DONE], None),
    ],
)
def test_the_last_usage_counts_wherever_it_comes(steps, expected):
    assert end(read(*texts("hi"), *steps)).usage == expected


CALL = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}


@pytest.mark.parametrize("reason", ["stop", "end_turn", "error", "tool_calls", "length", None])
def test_calls_are_decided_by_what_was_sent_and_not_by_the_finish_reason(reason):
    deltas = read({"tool_calls": [CALL]}, {"finish": reason}, DONE)
    assert [(call.name, call.arguments, call.problem) for call in calls(deltas)] == [("f", '{"x": 1}', None)]
    assert end(deltas).finish_reason == reason


def test_a_call_and_the_finish_reason_may_share_a_chunk():
    assert calls(read({"chunk": chunk({"tool_calls": [CALL]}, "tool_calls")}))


def test_a_single_call_outside_a_list_is_read_in_odd_chunks():
    assert calls(read({"chunk": chunk({"tool_calls": CALL})}, FINISH))


def test_open_arguments_at_the_length_limit_are_not_executed():
    cut = {**CALL, "function": {"name": "f", "arguments": '{"x"'}}
    (call,) = calls(read({"tool_calls": [cut]}, {"finish": "length"}, DONE))
    assert call.problem


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "secret", "code": 502}},
        {"error": "secret"},
        {"object": "error", "message": "secret", "type": "BadRequestError", "code": 400},
        {**chunk({"content": ""}, "error"), "error": {"message": "secret"}},
    ],
)
def test_an_error_inside_the_stream_is_told_without_the_words_of_the_provider(error):
    with pytest.raises(ModelError) as failure:
        read(*texts("begun"), {"chunk": error})
    assert failure.value.code is ErrorCode.MODEL_ERROR
    assert "secret" not in failure.value.message


def test_a_context_that_is_too_long_may_be_told_inside_the_stream():
    with pytest.raises(ModelError) as failure:
        read({"chunk": {"error": {"message": "x", "code": "context_length_exceeded"}}})
    assert failure.value.code is ErrorCode.CONTEXT_TOO_LONG


def test_text_before_an_error_in_the_same_read_is_not_lost():
    turn = Turn()
    assert turn.feed(payload({"text": "begun"}) + event({"error": "x"})) == [TextDelta("begun")]
    assert turn.failure


@pytest.mark.parametrize("data", ['{"choices": [', "nonsense", "[1]", "3", '"x"', "[" * 20_000])
def test_data_that_is_no_json_object_is_an_error(data):
    with pytest.raises(ModelError, match="not valid JSON") as failure:
        read(event(data))
    assert failure.value.code is ErrorCode.MODEL_ERROR


def test_numbers_beyond_measure_are_no_usage():
    usage = b'{"choices": [], "usage": {"prompt_tokens": 1e999, "completion_tokens": NaN}}'
    assert end(read(*texts("ok"), b"data: " + usage + b"\n\n", FINISH)).usage is None


ODD = st.recursive(
    st.sampled_from([None, True, 3, 1e300, float("nan"), float("inf"), "", "x", "\ud83d", {"text": "x"}]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "content", "usage", "prompt_tokens", "tool_calls", "function", "error"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ODD, max_size=3))
def test_no_json_makes_it_raise_anything_but_a_model_error(values):
    with contextlib.suppress(ModelError):
        read(*(event(json.dumps(value)) for value in values), FINISH)


def test_empty_data_is_skipped():
    assert text(read(b"data: \n\n", b"data:\r\n\r\n", *texts("ok"), FINISH)) == "ok"


@pytest.mark.parametrize("steps", [[], texts("half"), [{"tool_calls": [CALL]}], [b'data: {"choi']])
def test_a_stream_that_ends_with_neither_finish_reason_nor_done_is_no_answer(steps: list[Any]):
    with pytest.raises(ModelError) as failure:
        read(*steps)
    assert failure.value.code is ErrorCode.MODEL_ERROR


@pytest.mark.parametrize("last", [[FINISH], [DONE], [b"data: [DONE]"], [FINISH, b'data: {"choices": [], "usa']])
def test_a_finish_reason_or_done_is_enough_for_an_end(last: list[Any]):
    assert text(read(*texts("whole"), *last)) == "whole"


def test_nothing_after_done_is_read():
    assert text(read(payload({"text": "a"}) + payload(DONE) + b"data: nonsense\n\n")) == "a"


def test_a_finish_reason_error_with_nothing_before_it_is_an_error():
    with pytest.raises(ModelError, match="failed while it answered"):
        read({"finish": "error"}, DONE)


def test_an_answer_that_is_no_stream_is_read_as_a_whole():
    message = {"role": "assistant", "content": "Hi", "tool_calls": [{**CALL, "index": None}]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], "usage": USAGE}).encode()
    deltas = read(b"\n " + body[:20], body[20:])
    assert text(deltas) == "Hi"
    assert [call.name for call in calls(deltas)] == ["f"]
    assert end(deltas).usage == Usage(input_tokens=5, output_tokens=7)


WHOLE = b"".join(
    [
        b": comment\n\n",
        *(payload(step) for step in ({"reasoning": "hm é"}, {"text": ["<b>", "caf\u00e9 😀", "\r\n"]})),
        payload({"tool_calls": [CALL]}).replace(b"\n", b"\r\n"),
        *(payload(step) for step in (FINISH, {"usage": [1, 2]}, DONE)),
    ]
).replace(b"\\ud83d\\ude00", "😀".encode())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, len(WHOLE)), max_size=30))
def test_any_split_of_the_bytes_gives_the_same_deltas(places):
    edges = [0, *sorted(places), len(WHOLE)]
    cut = read(*(WHOLE[start:stop] for start, stop in pairwise(edges)))
    uncut = read(WHOLE)
    assert (text(cut), reasoning(cut), end(cut)) == (text(uncut), reasoning(uncut), end(uncut))
    assert text(uncut) == "<b>café 😀\r\n"
