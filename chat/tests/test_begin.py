"""The start of a run: what is stored together, and what the limits of a caller count."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.errors import ErrorCode
from chat.access import ALL_SCOPES, Caller
from chat.begin import Begun, begin_run
from chat.exceptions import Refused
from chat.models import Conversation, Message, Run, RunEvent
from chat.requests import ChatRequest
from chat.tests.rows import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Caller:
    return Caller(make_user().pk, "alice", ALL_SCOPES, "key")


def begin(caller: Caller, message: str = "Hello", *, key: str = "", **options: object) -> Begun:
    request = ChatRequest(message=message, **options)
    return begin_run(caller, request, owner=uuid.uuid4(), lease=timedelta(seconds=15), idempotency_key=key)


def refusal(*arguments: object, **options: object) -> Refused:
    with pytest.raises(Refused) as refused:
        begin(*arguments, **options)
    return refused.value


def end(begun: Begun, **fields: object) -> None:
    begun.run.finish(Run.Status.COMPLETED)
    Run.objects.filter(pk=begun.run.pk).update(**fields) if fields else None


def test_message_run_and_first_event_are_stored_together(alice):
    begun = begin(alice, "Good morning", instructions="Be brief.")
    run = Run.objects.get()
    assert (run.status, run.epoch, run.attempt) == (Run.Status.RUNNING, 1, 1)
    assert run.agent_config.instructions == "Be brief."
    assert [message.role for message in Message.objects.order_by("id")] == ["user", "assistant"]
    (event,) = RunEvent.objects.all()
    assert (event.seq, event.event_type, event.body.encode()) == (1, "run_started", begun.first[0].body)
    conversation = Conversation.objects.get()
    assert (conversation.head_id, conversation.title) == (run.answer_id, "Good morning")
    assert str(event).endswith("run_started")
    assert str(run).startswith("default running")
    assert str(conversation) == "Good morning"


def test_runs_at_once_and_messages_in_a_time_are_counted_per_caller(alice, settings):
    settings.MAX_CONCURRENT_RUNS, settings.RATE_LIMIT_MESSAGES = 2, (3, 60)
    bob = Caller(make_user("bob").pk, "bob", ALL_SCOPES, "key")
    first = begin(alice)
    second = begin(alice, reset_history=True)
    refused = refusal(alice, reset_history=True)
    assert (refused.code, refused.retry_after) == (ErrorCode.RATE_LIMITED, 1)
    begin(bob)
    end(first)
    end(second)
    end(begin(alice))
    refused = refusal(alice)
    assert refused.code is ErrorCode.RATE_LIMITED
    assert 55 < refused.retry_after <= 60


def test_the_wait_ends_when_the_oldest_message_leaves_the_window(alice, settings):
    settings.RATE_LIMIT_MESSAGES = (1, 60)
    begun = begin(alice)
    end(begun, created_at=timezone.now() - timedelta(seconds=50))
    assert 9 < refusal(alice).retry_after <= 10
    Run.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    begin(alice)


def test_a_known_key_attaches_even_at_the_limit(alice, settings):
    begun = begin(alice, key="one")
    settings.MAX_CONCURRENT_RUNS, settings.RATE_LIMIT_MESSAGES = 1, (1, 60)
    again = begin(alice, key="one")
    assert (again.attached, again.run) == (True, begun.run)
    assert refusal(alice, "Other", key="one").code is ErrorCode.IDEMPOTENCY_MISMATCH


def test_what_is_refused_stores_nothing(alice):
    begin(alice)
    before = [model.objects.count() for model in (Conversation, Message, Run, RunEvent)]
    assert refusal(alice).code is ErrorCode.CONVERSATION_BUSY
    assert refusal(alice, agent_name="nobody").code is ErrorCode.AGENT_NOT_FOUND
    assert refusal(alice, conversation_id=str(uuid.uuid4())).code is ErrorCode.NOT_FOUND
    assert [model.objects.count() for model in (Conversation, Message, Run, RunEvent)] == before


def test_the_same_request_has_the_same_digest_whatever_is_left_to_its_default():
    assert ChatRequest(message="a").digest() == ChatRequest(message="a", parallel_tools=True).digest()
    assert ChatRequest(message="a").digest() != ChatRequest(message="a", parallel_tools=False).digest()
