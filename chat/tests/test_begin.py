"""The start of a run: what is stored together, and what the limits of a caller count."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from agents.errors import ErrorCode
from agents.statements import Cursor
from chat.access import ALL_SCOPES, Caller
from chat.begin import Begun, begin_run
from chat.exceptions import Refused
from chat.models import Allowance, Conversation, Message, Run, RunEvent
from chat.models.allowance import MICROSECONDS, Rate
from chat.requests import ChatRequest
from chat.tests.rows import make_user

pytestmark = pytest.mark.django_db
START_QUERIES = 12  # raise it only with a reason: every message waits for each of them


@pytest.fixture
def alice() -> Caller:
    return Caller(make_user().pk, "alice", ALL_SCOPES, "key")


def begin(caller: Caller, message: str = "Hello", *, key: str = "", **options: object) -> Begun:
    request = ChatRequest(message=message, **options)
    return begin_run(caller, request, owner=uuid.uuid4(), lease=timedelta(seconds=15), idempotency_key=key)


def refusal(*arguments: object, **options: object) -> Refused:
    with pytest.raises(Refused) as refused, transaction.atomic():
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
    assert refused.headers["RateLimit-Remaining"] == "1", "a message that is refused is not taken"
    begin(bob)
    end(first)
    end(second)
    end(begin(alice))
    refused = refusal(alice)
    assert refused.code is ErrorCode.RATE_LIMITED
    assert 19 < refused.retry_after <= 20


def test_messages_come_back_one_after_the_other(alice, settings):
    settings.RATE_LIMIT_MESSAGES = (2, 60)
    begun = begin(alice)
    assert begun.left.headers == {"RateLimit-Limit": "2", "RateLimit-Remaining": "1", "RateLimit-Reset": "30"}
    end(begun)
    end(begin(alice))
    assert 29 < refusal(alice).retry_after <= 30
    Allowance.objects.update(full_at=F("full_at") - 31 * MICROSECONDS)
    end(begin(alice))
    assert 28 < refusal(alice).retry_after <= 29
    Allowance.objects.update(full_at=F("full_at") - 3600 * MICROSECONDS)
    assert begin(alice).left.remaining == 1, "a rest fills the bucket, and no more than that"


def test_what_is_deleted_gives_no_message_back(alice, settings):
    settings.RATE_LIMIT_MESSAGES = (1, 60)
    begin(alice)
    Conversation.objects.all().delete()
    assert refusal(alice).code is ErrorCode.RATE_LIMITED


def test_a_narrower_limit_counts_at_once(alice, settings):
    settings.RATE_LIMIT_MESSAGES = (1000, 86400)
    for _ in range(3):
        end(begin(alice))
    settings.RATE_LIMIT_MESSAGES = (10, 60)
    assert 0 < refusal(alice).retry_after <= 6 * 60


@pytest.mark.parametrize("rate", [(7, 60), (100_000, 60), (1, 1), (999_999_999, 1)])
def test_any_rate_lets_a_whole_bucket_through_at_once(rate):
    bucket = Rate(*rate)
    assert bucket.left(bucket.interval * bucket.count).remaining == 0
    assert bucket.left(bucket.interval * (bucket.count - 1)).remaining == 1
    assert (bucket.left(0).remaining, bucket.left(-5).remaining) == (bucket.count, bucket.count)


def test_a_run_that_nobody_takes_up_frees_its_slot(alice, settings):
    settings.MAX_CONCURRENT_RUNS, settings.LEASE_SECONDS = 1, 20
    begun = begin(alice)
    for seconds, is_held in ((-10, True), (70, True), (90, False)):
        Run.objects.filter(pk=begun.run.pk).update(lease_until=Now() - timedelta(seconds=seconds))
        assert bool(Run.slots_of(Cursor(), alice.user_id)) is is_held
    begin(alice, reset_history=True)
    Run.objects.filter(pk=begun.run.pk).update(status=Run.Status.WAITING_APPROVAL, lease_until=None)
    assert Run.slots_of(Cursor(), alice.user_id) == 2


def test_slots_are_counted_over_active_runs_only(alice):
    """By the index of active runs: a caller of many runs starts as fast as one of few."""
    with CaptureQueriesContext(connection) as asked:
        Run.slots_of(Cursor(), alice.user_id)
    with connection.cursor() as cursor:
        cursor.execute(f"{connection.ops.explain_query_prefix()} {asked[0]['sql'].replace('%', '%%')}")
        plan = str(cursor.fetchall())
    assert "active_runs_by_caller" in plan or connection.vendor == "postgresql", plan


def test_a_start_costs_so_many_queries(alice, django_assert_num_queries):
    end(begin(alice))
    with django_assert_num_queries(START_QUERIES):
        begin(alice)


def test_a_known_key_attaches_even_at_the_limit(alice, settings):
    begun = begin(alice, key="one")
    settings.MAX_CONCURRENT_RUNS, settings.RATE_LIMIT_MESSAGES = 1, (1, 60)
    again = begin(alice, key="one")
    assert (again.attached, again.run) == (True, begun.run)
    assert again.left.remaining == 0
    assert refusal(alice, "Other", key="one").code is ErrorCode.IDEMPOTENCY_MISMATCH


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "current"])
def test_a_message_that_races_the_deletion_of_its_conversation_finds_none(alice, is_named):
    begun = begin_in_transaction(alice)
    end(begun)
    options = {"conversation_id": str(begun.run.conversation_id)} if is_named else {}
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            Conversation.objects.all().delete()
            racing = other.submit(outcome_in_thread, alice, **options)
            time.sleep(0.5)  # it waits for the row, which this transaction holds
        outcome = racing.result()
    if is_named:
        assert isinstance(outcome, Refused)
        assert outcome.code is ErrorCode.NOT_FOUND
    else:
        assert outcome.run.conversation == Conversation.objects.get()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["one", "many", "found by the owner's name"])
def test_a_deletion_that_races_a_message_takes_it_along(alice, way):
    end(begin_in_transaction(alice))
    one, many = Conversation.objects.get(), Conversation.objects.all()
    doomed = {"one": one, "many": many, "found by the owner's name": many.filter(owner__username="alice")}[way]

    def delete() -> None:
        try:
            with transaction.atomic():
                doomed.delete()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            begin(alice)
            racing = other.submit(delete)
            time.sleep(0.5)  # it waits for the row, which this transaction holds
        racing.result()
    assert [model.objects.count() for model in (Conversation, Message, Run, RunEvent)] == [0, 0, 0, 0]


def begin_in_transaction(caller: Caller, **options: object) -> Begun:
    with transaction.atomic():
        return begin(caller, **options)


def outcome_in_thread(caller: Caller, **options: object) -> Begun | Refused:
    try:
        return begin_in_transaction(caller, **options)
    except Refused as refused:
        return refused
    finally:
        connection.close()


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
