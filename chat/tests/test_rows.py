"""How a group commit is stored, where one part that fails spoils no other, and how much a reader loads."""

import asyncio
import threading
import time

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from agents.events import ChatChunk
from chat.journal import Journal
from chat.journal.live_run import READ_BYTES
from chat.journal.reading import FIRST_ROWS, read_entries, stored_entries
from chat.journal.rows import Batch, Job, store
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


@pytest.mark.parametrize("count", [1, 15, 17, 100, 1025])
def test_a_commit_stores_as_many_events_as_it_has(count):
    run = make_run(make_conversation(make_user()))

    async def write() -> None:
        journal = Journal(gather=0.01)
        live = journal.open(run.pk, epoch=run.epoch)
        try:
            await journal.append(live, [ChatChunk(content=str(number)) for number in range(count)])
        finally:
            await journal.drain()

    asyncio.run(write())
    entries = list(stored_entries(run.pk))
    assert [entry.seq for entry in entries] == list(range(1, count + 1))
    assert all(f'"content":"{number}"'.encode() in entry.body for number, entry in enumerate(entries))


def fails_at_first(function):
    """As for the victim of a deadlock, or while the database is away for a moment."""
    tries = []

    def run():
        tries.append(function)
        if len(tries) < 3:
            raise OperationalError("deadlock detected")
        return function()

    return run


def test_a_start_that_gave_way_in_a_deadlock_is_tried_again_with_its_group(job):
    alice = make_user()
    victim = fails_at_first(lambda: make_conversation(alice, title="victim"))
    with pytest.raises(OperationalError):
        victim()
    jobs = [job(lambda: make_conversation(alice, title="first")), job(victim)]
    store(Batch(jobs=jobs))
    assert [one.error for one in jobs] == [None, None]
    assert set(Conversation.objects.values_list("title", flat=True)) == {"first", "victim"}


def test_what_can_wait_is_tried_until_the_database_is_back():
    alice = make_user()

    async def write() -> str:
        journal = Journal(gather=0.01)
        try:
            stored = await journal.execute_patiently(fails_at_first(lambda: make_conversation(alice, title="late")))
        finally:
            await journal.drain()
        return stored.title

    assert asyncio.run(write()) == "late"
    assert Conversation.objects.get().title == "late"


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


async def test_who_waits_for_an_event_does_not_wait_for_a_start(transactional_db):
    """Which is stored with it; nor does the event wait for the end of the commit to be shown."""
    journal = Journal(gather=0.01)
    run = await journal.execute(lambda: make_run(make_conversation(make_user())))
    live = journal.open(run.pk, epoch=run.epoch)
    goes_on = threading.Event()
    starting = asyncio.create_task(journal.execute(lambda: goes_on.wait(30), lock=1))
    await journal.append(live, [ChatChunk(content="one")])
    assert live.stored_seq == 1
    assert not starting.done()
    goes_on.set()
    assert await starting
    await journal.append(live, [ChatChunk(content="two")])
    assert live.stored_seq == len(live.entries) == 2
    await journal.drain()


async def test_what_belongs_to_an_event_is_stored_before_it_is_shown(transactional_db):
    journal = Journal(gather=0.01)
    run = await journal.execute(lambda: make_run(make_conversation(make_user())))
    live = journal.open(run.pk, epoch=run.epoch)
    counted: list[int] = []

    async def tell() -> list[int]:
        await journal.append(live, [ChatChunk(content="one")])
        return counted.copy()

    told = await asyncio.gather(
        journal.execute(lambda: counted.append(1)), tell(), journal.execute(lambda: time.sleep(0.05), lock=1)
    )
    assert told[1] == [1]
    await journal.drain()
