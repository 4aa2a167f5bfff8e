"""Budgets: what is set aside when a run starts, and what is counted when it has ended."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from agents.errors import ErrorCode, RunFailed
from agents.events import Usage
from agents.messages import UserMessage
from agents.models import Agent
from agents.transcript import Transcript
from chat.access import ALL_SCOPES, Caller
from chat.begin import Begun, begin_run
from chat.budgets import ANSWER_TOKENS, set_aside_more
from chat.exceptions import NeedsOwnTransaction, Refused
from chat.models import AuditEntry, Budget, Conversation, Reservation, Run, Spending
from chat.models.audit import Action
from chat.requests import ChatRequest
from chat.tests.rows import make_conversation, make_run, make_user

pytestmark = pytest.mark.django_db
LOCAL = {"host": "localhost"}
DAY, MONTH = Budget.Period.DAY, Budget.Period.MONTH
NEEDED = ANSWER_TOKENS + 9  # of a first message of five letters to the default agent, whose instructions have 28


@pytest.fixture
def alice() -> Caller:
    return Caller(make_user().pk, "alice", ALL_SCOPES, "key")


@pytest.fixture
def bob() -> Caller:
    return Caller(make_user("bob").pk, "bob", ALL_SCOPES, "key")


def budget(tokens: int, *, period: str = DAY, **subject: object) -> Budget:
    return Budget.objects.create(tokens=tokens, period=period, **{"subject": "each_user", **subject})


def begin(caller: Caller, **options: object) -> Begun:
    request = ChatRequest(message="Hello", reset_history=True)
    with transaction.atomic():
        return begin_run(caller, request, owner=uuid.uuid4(), lease=timedelta(seconds=15), **options)


def refusal(caller: Caller) -> Refused:
    with pytest.raises(Refused) as refused:
        begin(caller)
    return refused.value


def end(begun: Begun, *, used: int = 0) -> None:
    begun.run.finish(Run.Status.COMPLETED, input_tokens=used // 2, output_tokens=used - used // 2)
    Reservation.objects.settle()


def counted() -> list[tuple[int, int]]:
    return list(Spending.objects.order_by("pk").values_list("used", "reserved"))


def test_tokens_are_set_aside_at_the_start_and_settled_at_the_end(alice):
    budget(5000)
    begun = begin(alice)
    assert counted() == [(0, NEEDED)]
    Reservation.objects.settle()
    assert counted() == [(0, NEEDED)], "the run goes on"
    end(begun, used=123)
    assert counted() == [(123, 0)]
    Reservation.objects.settle()
    assert counted() == [(123, 0)], "settled once"


def test_without_room_nothing_is_stored_and_the_refusal_says_until_when(alice):
    limit = budget(NEEDED + 100, subject="user", user_id=alice.user_id, period=MONTH)
    end(begin(alice), used=101)
    runs = Run.objects.count()
    refused = refusal(alice)
    assert (refused.code, refused.status) == (ErrorCode.BUDGET_EXCEEDED, 429)
    assert (refused.details["budget"], refused.details["used"]) == (limit.tokens, 101)
    resets_at = datetime.fromisoformat(refused.details["resets_at"])
    assert (resets_at.day, resets_at.hour) == (1, 0)
    assert abs(refused.retry_after - (resets_at - datetime.now(UTC)).total_seconds()) < 5
    assert Run.objects.count() == runs
    assert counted() == [(101, 0)]


def test_what_other_runs_have_set_aside_is_a_reason_to_come_back_soon(alice):
    budget(NEEDED + 100)
    begin(alice)
    assert refusal(alice).retry_after == 5


def test_each_kind_of_subject_counts_its_own(alice, bob):
    agent = Agent.objects.get(slug="default")
    own = budget(10_000, subject="user", user_id=alice.user_id)
    each, whole, by_agent = (
        budget(20_000),
        budget(30_000, subject="everybody"),
        budget(40_000, subject="agent", agent=agent),
    )
    budget(50_000, subject="agent", agent=Agent.objects.create(slug="other"))
    end(begin(alice), used=10)
    end(begin(bob), used=5)
    used = {(row.budget_id, row.holder): row.used for row in Spending.objects.all()}
    assert used == {
        (own.pk, alice.user_id): 10,
        (each.pk, bob.user_id): 5,
        (whole.pk, 0): 15,
        (by_agent.pk, 0): 15,
    }


def test_of_several_budgets_the_one_without_room_decides_and_the_others_keep_theirs(alice):
    budget(100_000)
    budget(10, subject="everybody", period=MONTH)
    assert refusal(alice).details["subject"] == "everybody"
    assert counted() == []


def test_a_budget_of_nothing_lets_nobody_through(alice):
    budget(0)
    assert refusal(alice).code is ErrorCode.BUDGET_EXCEEDED


def test_a_start_with_budgets_asks_for_a_transaction_of_its_own(alice):
    begin(alice, alone=False)
    budget(5000)
    with pytest.raises(NeedsOwnTransaction):
        begin(alice, alone=False)


def test_runs_that_ended_before_a_budget_was_set_count_in_it(alice):
    conversation = make_conversation(make_user())
    make_run(conversation, status=Run.Status.COMPLETED, input_tokens=30, output_tokens=12)
    budget(5000)
    begin(alice)
    assert counted() == [(42, NEEDED)]


def test_a_run_deleted_while_it_ran_has_used_what_it_had_set_aside(alice):
    budget(5000)
    begin(alice)
    Conversation.objects.all().delete()
    Reservation.objects.settle()
    assert counted() == [(NEEDED, 0)]


def test_deleting_what_was_said_gives_no_tokens_back(alice):
    budget(5000)
    end(begin(alice), used=4000)
    Conversation.objects.all().delete()
    assert refusal(alice).details["used"] == 4000


def test_a_further_turn_sets_more_aside_or_ends_the_run(alice):
    budget(6000)
    begun = begin(alice)
    transcript = Transcript(messages=[UserMessage("x" * 400)], usage=Usage(input_tokens=2000, output_tokens=500))
    set_aside_more(begun.run.pk, transcript, {})
    assert counted() == [(0, 2500 + 100 + ANSWER_TOKENS)]
    set_aside_more(begun.run.pk, Transcript(messages=[]), {"max_tokens": 10})
    assert counted() == [(0, 3600)], "never less than before"
    transcript.usage += Usage(output_tokens=3000)
    with pytest.raises(RunFailed) as failed:
        set_aside_more(begun.run.pk, transcript, {})
    assert failed.value.code is ErrorCode.BUDGET_EXCEEDED
    assert counted() == [(0, 3600)]


@pytest.mark.django_db(transaction=True)
def test_a_turn_that_races_the_settling_of_its_run_leaves_nothing_set_aside(alice):
    budget(6000)
    begun = begin(alice)
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            end(begun, used=100)
            racing = other.submit(
                in_thread, set_aside_more, begun.run.pk, Transcript(messages=[]), {"max_tokens": 3000}
            )
            time.sleep(0.5)  # it waits for the rows, which this transaction holds
        racing.result()
    assert counted() == [(100, 0)]


def in_thread(function, *arguments):
    try:
        return function(*arguments)
    finally:
        connection.close()


@pytest.mark.parametrize("subject", ["everybody", "agent"])
def test_a_shared_counter_is_opened_before_a_start_asks_for_it(alice, subject):
    agent = Agent.objects.get(slug="default") if subject == "agent" else None
    make_run(make_conversation(make_user()), status=Run.Status.COMPLETED, input_tokens=30, output_tokens=12)
    budget(10, subject=subject, agent=agent)
    budget(20, subject=subject, agent=agent, period=MONTH)
    budget(30)
    Spending.objects.open_shared()
    assert counted() == [(42, 0), (42, 0)], "a user's own is opened by that user's starts"
    with CaptureQueriesContext(connection) as asked:
        Spending.objects.open_shared()
        refusal(alice)
    assert not [query["sql"] for query in asked if "SUM(" in query["sql"]], "no start adds up all runs"


def test_an_agent_with_a_limit_of_its_own_sets_that_aside(alice):
    budget(5000)
    Agent.objects.update(model_settings={"max_tokens": 50})
    begin(alice)
    assert counted() == [(0, NEEDED - ANSWER_TOKENS + 50)]


@pytest.mark.parametrize(
    ("period", "at", "begins", "ends"),
    [
        (DAY, datetime(2026, 2, 28, 23, 59, tzinfo=UTC), date(2026, 2, 28), datetime(2026, 3, 1, tzinfo=UTC)),
        (MONTH, datetime(2026, 1, 31, 12, tzinfo=UTC), date(2026, 1, 1), datetime(2026, 2, 1, tzinfo=UTC)),
        (MONTH, datetime(2026, 12, 1, tzinfo=UTC), date(2026, 12, 1), datetime(2027, 1, 1, tzinfo=UTC)),
        (DAY, datetime.fromisoformat("2026-03-01T01:00:00+02:00"), date(2026, 2, 28), datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_periods_begin_at_midnight_utc(period, at, begins, ends):
    assert period.begin(at) == begins
    assert period.end(begins) == ends


def test_a_new_period_has_a_counter_of_its_own(alice):
    budget(NEEDED + 100)
    end(begin(alice), used=500)
    Spending.objects.update(begins=date(2026, 1, 1))
    Run.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    begin(alice)
    assert counted() == [(500, 0), (0, NEEDED)]


def test_a_budget_names_the_subject_that_it_is_for(alice):
    for subject in ("user", "agent"):
        with pytest.raises(ValidationError, match="Choose the"):
            Budget(subject=subject, period=DAY, tokens=1).full_clean()
        with pytest.raises(IntegrityError), transaction.atomic():
            budget(1, subject=subject)
    with pytest.raises(ValidationError, match="Leave this empty"):
        Budget(subject="everybody", user_id=alice.user_id, period=DAY, tokens=1).full_clean()
    Budget(subject="user", user_id=alice.user_id, period=DAY, tokens=1).full_clean()
    assert str(budget(7, subject="user", user_id=alice.user_id)) == "7 tokens a day for alice"
    assert str(budget(7)) == "7 tokens a day for each user without a budget of their own"


def test_administrators_set_budgets_and_see_what_all_have_used(client, alice, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root", password="root-password"))
    path = "/admin/chat/budget/"
    form = {"subject": "user", "user": alice.user_id, "agent": "", "period": "day", "tokens": "5000"}
    assert client.post(f"{path}add/", form, headers=LOCAL).status_code == 302
    end(begin(alice), used=123)
    assert "5000 tokens a day for alice" in client.get(path, headers=LOCAL).text
    spending = client.get("/admin/chat/spending/", headers=LOCAL).text
    assert ">123<" in spending
    assert ">alice<" in spending
    assert client.get("/admin/chat/spending/add/", headers=LOCAL).status_code == 403
    assert AuditEntry.objects.filter(action=Action.BUDGET_CREATED).count() == 1
