"""What a person says of a call that a crash cut: once, by whoever is first, and told to the model from then on."""

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from agents.errors import ErrorCode
from agents.messages import ToolMessage
from agents.statements import Cursor
from chat.access import ALL_SCOPES, Caller
from chat.decisions import claim_due, find_call
from chat.decisions import decide as decide_by
from chat.exceptions import Refused
from chat.history import load_history
from chat.models import AuditEntry, Run, ToolCall
from chat.models.tool_call import HAPPENED, LOST, LOST_AGAIN, NOT_HAPPENED, RUNS_AGAIN
from chat.tests.rows import make_conversation, make_run, make_user
from tools.models import Tool

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=15)
HAPPENED_NOT = ToolCall.Decision.NOT_HAPPENED
AGAIN = ToolCall.Decision.RUN_AGAIN


def lost_call(status: str = Run.Status.COMPLETED, **fields) -> ToolCall:
    """A call of alice's whose outcome is unknown."""
    turn = {"role": "assistant", "content": "", "tool_calls": [{"id": "c0", "name": "calculate", "arguments": "{}"}]}
    run = make_run(make_conversation(make_user()), turns=[turn], status=status)
    values = {"name": "calculate", "arguments": {"expression": "1 + 1"}, "status": "outcome_unknown"}
    return ToolCall.objects.create(run=run, call_id="c0", content=LOST, error=LOST, **{**values, **fields})


def alice_id() -> int:
    return int(make_user("alice").pk)


def decide(call: ToolCall, decision: ToolCall.Decision, user_id: int) -> ToolCall:
    return decide_by(call, decision, user_id, by=Caller(user_id, "somebody", ALL_SCOPES, "key", "0123abcd"))


def model_reads(call: ToolCall) -> list[str]:
    history = load_history(Cursor(), call.run.conversation_id, call.run.conversation.head_id)
    return [m.content for m in history if isinstance(m, ToolMessage)]


@pytest.mark.parametrize(
    ("decision", "status", "error", "told"),
    [
        (ToolCall.Decision.HAPPENED, "completed", "", HAPPENED),
        (ToolCall.Decision.NOT_HAPPENED, "failed", NOT_HAPPENED, f"Error: {NOT_HAPPENED}"),
        (ToolCall.Decision.RUN_AGAIN, "pending", "", RUNS_AGAIN),
    ],
)
def test_a_decision_changes_the_call_and_what_the_model_reads(decision, status, error, told):
    call = lost_call()
    assert model_reads(call) == [LOST]
    decide(call, decision, alice_id())
    assert (call.status, call.error, call.decision, call.decided_by_id) == (status, error, decision, alice_id())
    assert call.decided_at is not None
    assert model_reads(call) == [told]


def test_of_two_people_who_decide_at_once_one_does():
    call = lost_call()
    same = ToolCall.objects.get(pk=call.pk)
    assert call.decide(ToolCall.Decision.HAPPENED, alice_id())
    assert not same.decide(HAPPENED_NOT, make_user("bob").pk)
    assert (same.decision, same.decided_by_id, same.status) == ("happened", alice_id(), "completed")


def test_whoever_comes_second_is_refused_with_what_was_decided():
    call = lost_call()
    slow = ToolCall.objects.get(pk=call.pk)
    decide(call, ToolCall.Decision.HAPPENED, alice_id())
    with pytest.raises(Refused, match="decided otherwise") as refused:
        decide(slow, HAPPENED_NOT, alice_id())
    assert (refused.value.status, refused.value.details) == (409, {"decision": "happened", "status": "completed"})


def test_the_same_decision_again_changes_nothing():
    call = decide(lost_call(), HAPPENED_NOT, alice_id())
    again = decide(ToolCall.objects.get(pk=call.pk), HAPPENED_NOT, make_user("bob").pk)
    assert (again.decided_at, again.decided_by_id) == (call.decided_at, alice_id())
    entry = AuditEntry.objects.get(action="tool_call_decided")
    assert (entry.user_id, entry.object_id) == (alice_id(), str(call.pk))
    assert entry.details == {"decision": "not_happened", "tool": "calculate", "run": str(call.run_id)}


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "executing"])
def test_a_call_whose_outcome_is_known_cannot_be_decided(status):
    call = lost_call()
    ToolCall.objects.update(status=status)
    call.refresh_from_db()
    with pytest.raises(Refused, match="nothing to decide") as refused:
        decide(call, ToolCall.Decision.HAPPENED, alice_id())
    assert refused.value.status == 409


def test_while_the_run_is_active_nobody_decides():
    call = lost_call(Run.Status.RUNNING)
    assert not ToolCall.objects.undecided().exists()
    with pytest.raises(Refused) as refused:
        decide(call, ToolCall.Decision.HAPPENED, alice_id())
    assert (refused.value.code, refused.value.status) == (ErrorCode.CONVERSATION_BUSY, 409)
    Run.objects.update(status=Run.Status.FAILED)
    assert ToolCall.objects.undecided().get() == call


@pytest.mark.parametrize("change", [{"enabled": False}, {"available": False}, {"requires_approval": True}])
def test_a_tool_that_may_not_run_is_not_asked_to_run_again(change):
    call = lost_call()
    Tool.objects.filter(name="calculate").update(**change)
    with pytest.raises(Refused, match="cannot run again"):
        decide(call, AGAIN, alice_id())
    call.refresh_from_db()
    assert call.status == ToolCall.Status.OUTCOME_UNKNOWN


def test_a_call_is_taken_once_to_run_again():
    call = decide(lost_call(), AGAIN, alice_id())
    slow = ToolCall.objects.get(pk=call.pk)
    (again,) = claim_due(LEASE)
    assert (again.call, again.tool.name, again.timeout) == (call, "calculate", 30.0)
    assert not slow.begin_again(LEASE)
    assert claim_due(LEASE) == []
    call.refresh_from_db()
    assert (call.status, model_reads(call)) == ("executing", [RUNS_AGAIN])


def test_a_process_that_dies_over_it_leaves_it_unknown_and_to_be_decided_again():
    call = decide(lost_call(), AGAIN, alice_id())
    (again,) = claim_due(LEASE)
    ToolCall.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert claim_due(LEASE) == []
    call.refresh_from_db()
    assert (call.status, call.decision, call.decided_by, call.decided_at) == ("outcome_unknown", "", None, None)
    assert model_reads(call) == [LOST_AGAIN]
    decide(call, HAPPENED_NOT, alice_id())
    assert not again.call.running_again().update(status="completed"), "whoever was given up wakes too late"


def test_a_tool_that_is_switched_off_after_the_decision_leaves_it_unknown():
    call = decide(lost_call(), AGAIN, alice_id())
    Tool.objects.filter(name="calculate").update(enabled=False)
    assert claim_due(LEASE) == []
    call.refresh_from_db()
    assert (call.status, call.decision, call.lease_until) == ("outcome_unknown", "", None)
    assert "cannot run again" in call.error


@pytest.mark.parametrize("call_id", ["c1", "", "c0\0", "é" * 300])
def test_an_unknown_call_is_not_found(call_id):
    call = lost_call()
    assert find_call(call.run, "c0") == call
    with pytest.raises(Refused, match="no such tool call") as refused:
        find_call(call.run, call_id)
    assert refused.value.status == 404


def test_calls_of_other_runs_are_not_due():
    run = make_run(make_conversation(make_user()), owner=uuid.uuid4())
    ToolCall.objects.create(run=run, call_id="c0", name="calculate")
    assert claim_due(LEASE) == []
    assert ToolCall.objects.get().status == ToolCall.Status.EXECUTING
