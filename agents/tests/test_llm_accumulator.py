"""Tool calls from the pieces in which providers send them."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.errors import ErrorCode, ModelError
from agents.llm.accumulator import ToolCallAccumulator
from agents.messages import ToolCall
from agents.tests.oddities import ODDITIES, ONE, PARIS, ROME, piece, told


def collect(*pieces: dict[str, Any], cut: bool = False, taken: tuple[str, ...] = ()) -> tuple[ToolCall, ...]:
    accumulator = ToolCallAccumulator()
    for each in pieces:
        accumulator.add(each)
    return accumulator.finish(cut=cut, taken=taken)


@pytest.mark.parametrize(("pieces", "expected"), ODDITIES.values(), ids=ODDITIES)
def test_calls_are_put_together(pieces, expected):
    calls = collect(*pieces)
    assert told(calls) == expected
    assert len({call.id for call in calls}) == len(calls)


def test_arguments_stay_as_the_model_wrote_them():
    assert collect(piece("f", ' {"b":1,  "a":"é\\u00e9"} ', index=0))[0].arguments == '{"b":1,  "a":"é\\u00e9"}'


def test_ids_of_the_provider_are_kept():
    assert [call.id for call in collect(piece("f", "{}", index=0, id="x"), piece("f", "{}", index=1, id="y"))] == [
        "x",
        "y",
    ]


@pytest.mark.parametrize("call_id", [None, ""])
def test_a_missing_id_is_made(call_id):
    (call,) = collect(piece("f", "{}", index=0, id=call_id))
    assert call.id.startswith("call_")
    assert len(call.id) == 29


def test_an_id_that_an_earlier_turn_has_used_is_replaced():
    (call,) = collect(piece("f", "{}", index=0, id="call_0"), taken=("call_0",))
    assert call.id != "call_0"


def test_an_id_too_long_to_be_one_is_replaced():
    (call,) = collect(piece("add", "{}", index=0, id="x" * 10_000))
    assert call.id.startswith("call_")
    assert len(call.id) < 100


def test_vendor_fields_are_kept_for_the_way_back():
    thought = {"google": {"thought_signature": "c2ln"}}
    (call,) = collect(
        {
            "index": 0,
            "id": "a",
            "type": "function",
            "extra_content": thought,
            "null": None,
            "function": {"name": "f", "x": 1},
        },
        {"index": 0, "more": [1]},
    )
    assert call.extra == {"extra_content": thought, "function": {"x": 1}, "more": [1]}


@pytest.mark.parametrize(
    "arguments",
    [
        '{"city":',
        "Paris",
        "[1]",
        "42",
        '"text"',
        "null",
        '{"a":1}[2]',
        '{"a":1}{"b"',
        '{"a": NaN}',
        '{"a":' + "[" * 9999,
    ],
)
def test_arguments_that_are_no_object_are_a_problem_told_in_a_sentence(arguments):
    (call,) = collect(piece("weather", arguments, index=0))
    assert call.arguments == "{}"
    assert call.problem
    assert call.problem.startswith("The arguments of 'weather' are not one valid JSON object: ")
    assert arguments[:50] in call.problem
    assert len(call.problem) < 300


def test_too_many_glued_objects_are_a_problem():
    (call,) = collect(piece("weather", PARIS * 65, index=0))
    assert call.problem


@pytest.mark.parametrize("arguments", ['{"city": "Par', "", '{"a": 1}{"b"'])
def test_a_call_that_the_length_limit_has_cut_is_a_problem(arguments):
    (call,) = collect(piece("weather", arguments, index=0), cut=True)
    assert call.problem
    assert "length limit" in call.problem


def test_calls_that_were_whole_before_the_length_limit_are_executed():
    whole, cut = collect(piece("now", "", index=0), piece("weather", '{"city', index=1), cut=True)
    assert (whole.problem, whole.arguments) == (None, "{}")
    assert cut.problem
    assert told(collect(piece("weather", PARIS, index=0), cut=True)) == ONE


@pytest.mark.parametrize("step", [{"index": 0}, {}], ids=["one call", "many calls"])
def test_arguments_without_bound_are_an_error(step):
    def fill() -> None:
        accumulator = ToolCallAccumulator(limit=10_000)
        for _ in range(1000):
            accumulator.add(piece(None if step else "f", "x" * 11, **step))

    with pytest.raises(ModelError, match="too large") as failure:
        fill()
    assert failure.value.code is ErrorCode.MODEL_ERROR


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
JSON = st.sampled_from([None, True, 1, 1.5, float("nan"), "", "x", "\ud83d", [], [1, [2]], {}, {"a": {"b": [None]}}])
FRAGMENTS = st.sampled_from(["", "{", "}", "{}", '{"a":', "1", PARIS, ROME, "[", " ", "\ud83d", "null"])
PIECES = st.fixed_dictionaries(
    {},
    optional={
        "index": st.sampled_from([0, 1, None, "0", 1.5, []]),
        "id": st.sampled_from(["a", "b", "", None, 3, {}]),
        "type": st.just("function"),
        "extra_content": JSON,
        "function": st.none()
        | JSON
        | st.fixed_dictionaries(
            {},
            optional={"name": st.sampled_from(["f", "g", "", None, 1]), "arguments": FRAGMENTS | JSON, "vendor": JSON},
        ),
    },
)


@PATIENT
@given(st.lists(PIECES, max_size=12), st.booleans())
def test_nothing_a_provider_sends_makes_it_raise(pieces, cut):
    calls = collect(*pieces, cut=cut, taken=("a",))
    assert len({call.id for call in calls} - {"a"}) == len(calls)
    for call in calls:
        assert call.name
        assert isinstance(json.loads(call.arguments), dict)
        assert call.problem is None or call.arguments == "{}"


@PATIENT
@given(st.lists(st.tuples(st.text("ab", max_size=3), st.integers(0, 9)), min_size=1, max_size=4), st.data())
def test_calls_come_out_as_they_went_in_however_their_arguments_are_cut(wanted, data):
    texts = [json.dumps({key: value}) for key, value in wanted]
    queues = []
    for index, text in enumerate(texts):
        place = data.draw(st.integers(0, len(text)))
        queues.append([piece("f", text[:place], index=index, id=f"id{index}"), piece(None, text[place:], index=index)])
    order = data.draw(st.permutations([index for index in range(len(queues)) for _ in range(2)]))
    calls = collect(*(queues[index].pop(0) for index in order))
    assert sorted(call.arguments for call in calls) == sorted(texts)
    assert {call.id for call in calls} == {f"id{index}" for index in range(len(texts))}
