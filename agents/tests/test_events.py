"""Events and error codes are closed sets, each spelled once."""

import msgspec
import pytest

from agents import events
from agents.errors import STATUS, ErrorCode, ModelError, Refused, RunFailed
from agents.events import EVENT_TYPES, TERMINAL_EVENT_TYPES, AnyEvent, Event, ToolCallState, Usage

STATE = ToolCallState(id="call_1", name="look", arguments={}, status="executing")
FIELDS = {
    "run_id": "r", "conversation_id": "c", "agent_name": "default", "model": "demo", "content": "Hi", "attempt": 2,
    "tool_call": STATE, "error_code": ErrorCode.MODEL_ERROR, "error_message": "No.", "delay_ms": 5,
    "discard_after_seq": 4, "final_response": "Hi", "total_tool_calls": 0,
}  # fmt: skip


def make(kind: type[Event]) -> Event:
    needed = [field.name for field in msgspec.structs.fields(kind) if field.required]
    return kind(**{name: FIELDS[name] for name in needed})


def test_every_event_of_the_module_is_in_the_union():
    kinds = {kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)} - {Event}
    assert kinds == set(EVENT_TYPES.values()) == set(AnyEvent.__args__)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_an_event_says_its_type_number_and_time_and_is_read_back(name):
    event = make(EVENT_TYPES[name])
    event.seq, event.timestamp = 3, "2026-11-22T21:15:03.120Z"
    told = msgspec.json.encode(event)
    assert msgspec.json.decode(told)["event_type"] == name
    assert msgspec.json.decode(told, type=AnyEvent) == event


def test_three_events_end_a_run():
    assert {"chat_complete", "chat_cancelled", "error"} == TERMINAL_EVENT_TYPES


def test_usage_adds_up_and_stays_estimated():
    counted, guessed = Usage(input_tokens=1, output_tokens=2), Usage(input_tokens=3, output_tokens=4, estimated=True)
    assert counted + guessed == Usage(input_tokens=4, output_tokens=6, estimated=True)
    assert not (counted + counted).estimated


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_has_a_status(code):
    assert code.status == STATUS[code]
    assert 400 <= code.status <= 504


def test_failures_carry_their_code():
    failure = ModelError(ErrorCode.MODEL_RATE_LIMITED, "Slower.", retry_after=2)
    assert isinstance(failure, RunFailed)
    assert (failure.code, failure.message, failure.retry_after, str(failure)) == (
        ErrorCode.MODEL_RATE_LIMITED, "Slower.", 2, "Slower.",
    )  # fmt: skip


def test_a_refusal_has_the_status_of_its_code_unless_it_names_another():
    assert Refused(ErrorCode.NOT_FOUND, "No.").status == 404
    assert Refused(ErrorCode.INVALID_REQUEST, "Too large.", status=413).status == 413
