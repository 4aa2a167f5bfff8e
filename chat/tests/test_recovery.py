"""Taking over runs that another process left behind: who may, from where they go on, and when they are given up."""

import json
import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from agents.errors import ErrorCode
from agents.events import ChatChunk, ModelRetry, RunStarted, ToolCallComplete, ToolCallStart, ToolCallState
from agents.limits import Limits
from agents.llm.base import TextDelta
from agents.messages import AssistantMessage, SystemMessage, ToolMessage, UserMessage
from agents.statements import Cursor
from chat.models import Run, RunEvent, ToolCall
from chat.models.run import MAX_ATTEMPTS
from chat.models.tool_call import LOST
from chat.recovery import AT_ONCE, claim_abandoned
from chat.tests.rows import make_conversation, make_run, make_user, tell
from tools.models import Tool

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=15)


def abandoned(**fields) -> Run:
    """A run whose owner has been silent for a second too long."""
    run = make_run(make_conversation(make_user()), **fields)
    Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    started = RunStarted(run_id=str(run.pk), conversation_id=str(run.conversation_id), agent_name="default", model="m")
    tell(run, started)
    return run


def events(run: Run) -> list[dict]:
    return [
        json.loads(body) for body in RunEvent.objects.filter(run=run).order_by("seq").values_list("body", flat=True)
    ]


def claim_one() -> object:
    (recovered,), more = claim_abandoned(uuid.uuid4(), LEASE)
    assert not more
    return recovered


def test_only_runs_without_a_living_owner_are_taken():
    make_run(make_conversation(make_user()))
    make_run(make_conversation(make_user()), status=Run.Status.COMPLETED)
    assert claim_abandoned(uuid.uuid4(), LEASE) == ([], False)


def test_a_run_is_taken_once_and_has_a_new_owner_and_epoch():
    run = abandoned()
    owner = uuid.uuid4()
    (recovered,), _ = claim_abandoned(owner, LEASE)
    assert claim_abandoned(uuid.uuid4(), LEASE) == ([], False)
    run.refresh_from_db()
    assert (run.owner, run.epoch, run.attempt, run.status) == (owner, 2, 2, Run.Status.RUNNING)
    assert run.lease_until > timezone.now()
    assert recovered.run == run


def test_an_owner_holds_its_own_active_runs_and_no_other():
    owner, late = uuid.uuid4(), timezone.now() + timedelta(minutes=5)
    own, other, by_name, ended = (
        make_run(make_conversation(make_user()), **fields)
        for fields in (
            {"owner": owner},
            {},
            {"owner": owner},
            {"owner": owner, "status": Run.Status.COMPLETED},
        )
    )
    Run.renew(Cursor(), owner, [], timedelta(minutes=10))
    assert not Run.objects.filter(lease_until__gt=late)
    Run.renew(Cursor(), owner, [own.pk, other.pk, ended.pk], timedelta(minutes=10))
    assert set(Run.objects.filter(lease_until__gt=late)) == {own}
    assert set(Run.objects.active().filter(lease_until__lt=late)) == {other, by_name}


def test_an_owner_finds_those_of_its_active_runs_that_somebody_wants_to_stop():
    owner, asked = uuid.uuid4(), timezone.now()
    wanted, *_ = (
        make_run(make_conversation(make_user()), **fields)
        for fields in (
            {"owner": owner, "cancel_requested_at": asked},
            {"owner": owner},
            {"cancel_requested_at": asked},
            {"owner": owner, "cancel_requested_at": asked, "status": Run.Status.CANCELLED},
        )
    )
    assert Run.to_cancel(Cursor(), owner) == [wanted.pk]


def test_two_processes_that_look_at_once_do_not_both_take_it():
    run = abandoned()
    same = Run.objects.get(pk=run.pk)
    assert run.take_over(uuid.uuid4(), LEASE)
    assert not same.take_over(uuid.uuid4(), LEASE)


def test_a_run_that_was_handed_over_is_not_a_lost_attempt():
    run = abandoned()
    Run.objects.filter(pk=run.pk).release()
    assert claim_one().run.attempt == 1


def test_text_after_the_last_step_is_void():
    run = abandoned()
    tell(run, ChatChunk(content="half of"), ChatChunk(content=" an answer"))
    recovered = claim_one()
    last = events(run)[-1]
    assert (last["event_type"], last["attempt"], last["discard_after_seq"], last["seq"]) == ("run_resumed", 2, 1, 4)
    assert recovered.last_seq == 4
    assert [type(message) for message in recovered.transcript.messages] == [UserMessage]
    assert recovered.transcript.answer == ""


def interrupted_in_tools() -> Run:
    """A run that said something and asked for three tools, of which one had finished."""
    names = ["calculate", "get_time", "get_weather"]
    calls = [{"id": f"c{number}", "name": name, "arguments": "{}"} for number, name in enumerate(names)]
    run = abandoned(content="Let me see.", turns=[{"role": "assistant", "content": "Let me see.", "tool_calls": calls}])
    states = [ToolCallState(id=call["id"], name=call["name"], arguments={}, status="executing") for call in calls]
    tell(run, ChatChunk(content="Let me see."), *[ToolCallStart(tool_call=state) for state in states])
    for call in calls:
        ToolCall.objects.create(run=run, call_id=call["id"], name=call["name"], status="executing")
    ToolCall.objects.filter(run=run, call_id="c0").update(status="completed", content="42", result=42)
    done = ToolCallState(id="c0", name="calculate", arguments={}, status="completed", result=42)
    tell(run, ToolCallComplete(tool_call=done), ChatChunk(content="from a turn that was cut"))
    return run


def test_finished_tools_are_kept_safe_ones_run_again_and_unsafe_ones_do_not():
    Tool.objects.filter(name="get_weather").update(replay="unsafe")
    run = interrupted_in_tools()
    recovered = claim_one()
    *_, resumed, unknown = events(run)
    assert (resumed["event_type"], resumed["discard_after_seq"]) == ("run_resumed", 6)
    assert unknown["tool_call"]["status"] == "outcome_unknown"
    assert (unknown["tool_call"]["id"], unknown["tool_call"]["error"]) == ("c2", LOST)
    question, turn, *results = recovered.transcript.messages
    assert (question, turn.content) == (UserMessage("Hello"), "Let me see.")
    assert results == [ToolMessage("c0", "42"), ToolMessage("c2", LOST)]
    assert [call.id for call in recovered.transcript.unanswered_calls()] == ["c1"]
    assert recovered.transcript.announced == {"c0", "c1", "c2"}
    assert (recovered.transcript.tool_calls, recovered.transcript.answer) == (3, "Let me see.")
    assert ToolCall.objects.get(run=run, call_id="c2").status == ToolCall.Status.OUTCOME_UNKNOWN


def test_a_tool_that_was_switched_off_meanwhile_is_not_run_again():
    Tool.objects.filter(name="get_time").update(enabled=False)
    run = interrupted_in_tools()
    recovered = claim_one()
    assert [call.id for call in recovered.transcript.unanswered_calls()] == ["c2"]
    assert ToolCall.objects.get(run=run, call_id="c1").status == ToolCall.Status.OUTCOME_UNKNOWN


def test_the_history_before_the_run_is_there_again():
    earlier = make_run(make_conversation(make_user()), question="One?", status=Run.Status.COMPLETED)
    earlier.answer.turns = [{"role": "assistant", "content": "One."}]
    earlier.answer.save()
    make_run(earlier.conversation, question="Two?")
    Run.objects.active().update(lease_until=Now() - timedelta(seconds=1))
    recovered = claim_one()
    assert recovered.transcript.messages == [UserMessage("One?"), AssistantMessage("One."), UserMessage("Two?")]
    assert recovered.base == 3


def test_usage_and_time_go_on_where_they_were():
    run = abandoned(input_tokens=100, output_tokens=7, usage_estimated=True)
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(seconds=60))
    transcript = claim_one().transcript
    assert (transcript.usage.input_tokens, transcript.usage.output_tokens, transcript.usage.estimated) == (100, 7, True)
    assert transcript.duration_ms >= 60_000


def test_the_time_to_the_first_token_is_that_of_the_attempt_that_told_it():
    silent, spoke = abandoned(), abandoned()
    tell(spoke, ModelRetry(attempt=1, error_code=ErrorCode.MODEL_ERROR, delay_ms=1), ChatChunk(content="Hel"))
    Run.objects.update(created_at=timezone.now() - timedelta(seconds=60))
    claimed = {one.run: one.transcript for one in claim_abandoned(uuid.uuid4(), LEASE)[0]}
    assert claimed[silent].first_token_ms is None
    first = claimed[spoke].first_token_ms
    assert 59_900 <= first <= 60_100
    claimed[spoke].open_turn(SystemMessage(""))
    claimed[spoke].take(TextDelta("Hello"), Limits())
    assert claimed[spoke].first_token_ms == first


def test_a_run_that_was_lost_too_often_fails():
    run = abandoned(attempt=MAX_ATTEMPTS)
    assert claim_abandoned(uuid.uuid4(), LEASE) == ([], False)
    run.refresh_from_db()
    assert (run.status, run.error_code, run.lease_until) == (Run.Status.FAILED, "internal_error", None)
    assert [event["event_type"] for event in events(run)] == ["run_started", "error"]
    assert f"interrupted {MAX_ATTEMPTS} times" in events(run)[-1]["error_message"]


def test_calls_of_a_run_that_is_given_up_do_not_stay_open():
    Tool.objects.filter(name="get_weather").update(replay="unsafe")
    run = interrupted_in_tools()
    Run.objects.update(attempt=MAX_ATTEMPTS)
    claim_abandoned(uuid.uuid4(), LEASE)
    assert list(run.tool_calls.values_list("status", flat=True)) == ["completed", "cancelled", "outcome_unknown"]
    *_, unknown, last = events(run)
    assert (unknown["tool_call"]["id"], unknown["tool_call"]["status"]) == ("c2", "outcome_unknown")
    assert last["event_type"] == "error"


def test_a_run_that_cannot_be_read_any_more_fails_and_keeps_no_other_waiting(caplog):
    broken, sound = abandoned(config={"nothing": "of use"}), abandoned()
    (recovered,), _ = claim_abandoned(uuid.uuid4(), LEASE)
    assert recovered.run == sound
    broken.refresh_from_db()
    assert broken.status == Run.Status.FAILED
    assert [event["event_type"] for event in events(broken)] == ["run_started", "error"]
    assert "cannot be taken up again" in caplog.text


def test_many_runs_are_taken_in_several_steps():
    for _ in range(AT_ONCE + 1):
        abandoned()
    taken, more = claim_abandoned(uuid.uuid4(), LEASE)
    assert (len(taken), more) == (AT_ONCE, True)
    taken, more = claim_abandoned(uuid.uuid4(), LEASE)
    assert (len(taken), more) == (1, False)
