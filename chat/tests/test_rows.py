"""How a group commit is stored, where one part that fails spoils no other, and how much a reader loads."""

import asyncio

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.events import ChatChunk
from chat.journal.live_run import READ_BYTES
from chat.journal.rows import FIRST_ROWS, Batch, Job, read_entries, store
from chat.models import Conversation
from chat.tests.rows import make_conversation, make_run, make_user, tell

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


@pytest.mark.parametrize(("size", "statements"), [(10, 3), (16_000, 2)], ids=["many small", "few large"])
def test_a_reader_loads_what_it_takes_and_little_more(size, statements):
    run = make_run(make_conversation(make_user()))
    tell(run, *(ChatChunk(content="x" * size) for _ in range(60)))
    seen, size_of_read = [], 0
    while len(seen) < 60:
        with CaptureQueriesContext(connection) as asked:
            entries, ended = read_entries(run.pk, seen[-1] if seen else 0, READ_BYTES)
        assert not ended
        assert len(asked) <= statements
        seen += [entry.seq for entry in entries]
        size_of_read = max(size_of_read, sum(len(entry.body) for entry in entries))
    assert seen == list(range(1, 61))
    assert size_of_read <= READ_BYTES
    assert f"LIMIT {FIRST_ROWS}" in asked[1]["sql"]
