"""How a group commit is stored: one part that fails spoils no other, and nothing is acknowledged that is not there."""

import asyncio

import pytest
from django.db import connection

from chat.journal.rows import Batch, Job, store
from chat.models import Conversation
from chat.tests.rows import make_conversation, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job():
    """Makes jobs whose outcome nobody waits for."""
    with asyncio.Runner() as runner:
        yield lambda function, lock=1: Job(function, runner.get_loop().create_future(), lock)


def break_transaction() -> None:
    """End the transaction behind Django's back, as a lost connection does."""
    with connection.cursor() as cursor:
        cursor.execute("ROLLBACK")
    raise ValueError("the second job")


@pytest.mark.parametrize("lock", [1, None], ids=["together", "alone"])
def test_a_broken_job_takes_no_acknowledged_one_with_it(job, lock):
    alice = make_user()
    jobs = [
        job(lambda: make_conversation(alice, title="first"), lock=lock),
        job(break_transaction, lock=lock),
        job(lambda: make_conversation(alice, title="third"), lock=lock),
    ]
    store(Batch(jobs=jobs))
    acknowledged = {one.result.title for one in jobs if one.error is None}
    assert acknowledged == {"first", "third"}
    assert set(Conversation.objects.values_list("title", flat=True)) == acknowledged


def test_starts_take_their_locks_in_order(job):
    order: list[int] = []
    store(Batch(jobs=[job(lambda lock=lock: order.append(lock), lock=lock) for lock in (3, 1, 2)]))
    assert order == [1, 2, 3]
