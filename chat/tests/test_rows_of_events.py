"""The statement that stores a commit's events: of the runs that are still this process's, and once."""

import pytest
from django.db import IntegrityError, OperationalError, connection

from agents.events import ChatChunk
from chat.exceptions import OwnershipLost
from chat.journal.live_run import Entry, LiveRun
from chat.journal.rows import ROWS_PER_INSERT, Append, Batch, store
from chat.models import Run, RunEvent
from chat.tests.rows import make_conversation, make_run, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run():
    return make_run(make_conversation(make_user()))


def append(run: Run, count: int = 2, *, epoch: int = 1, writes=()) -> Append:
    entries = [Entry.of(ChatChunk(content=f"word{seq}"), seq, "now") for seq in range(1, count + 1)]
    return Append(LiveRun(run.pk, epoch, 0), entries, list(writes), [])


def numbers(run: Run) -> list[int]:
    return list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))


def lose_answer_once():
    """The database does what it is told; the answer to the first statement is lost on its way."""
    answers: list[str] = []

    def lose(execute, *statement):
        answer = execute(*statement)
        answers.append("lost")
        if len(answers) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return answer

    return lose


def test_what_is_stored_though_the_answer_was_lost_is_stored_once(run):
    told = append(run)
    with connection.execute_wrapper(lose_answer_once()):
        store(Batch([told]))
    assert told.error is None
    assert numbers(run) == [1, 2]


def test_another_owners_run_gets_nothing_and_the_others_theirs(run):
    written: list[str] = []
    other = make_run(make_conversation(make_user("bob")))
    lost = append(run, epoch=2, writes=[lambda: written.append("lost")])
    ours = append(other, writes=[lambda: written.append("ours")])
    store(Batch([lost, ours]))
    assert isinstance(lost.error, OwnershipLost)
    assert ours.error is None
    assert numbers(run) == []
    assert numbers(other) == [1, 2]
    assert written == ["ours"]


def test_more_events_than_a_statement_takes_are_one_transaction(run):
    told = append(run, 2 * ROWS_PER_INSERT + 1)
    store(Batch([told]))
    assert told.error is None
    assert numbers(run) == list(range(1, 2 * ROWS_PER_INSERT + 2))


def test_numbers_that_are_taken_are_an_error(run):
    store(Batch([append(run)]))
    told = append(run)
    store(Batch([told]))
    assert isinstance(told.error, IntegrityError)


def test_a_run_that_is_gone_is_lost(run):
    told = append(run)
    Run.objects.filter(pk=run.pk).delete()
    store(Batch([told]))
    assert isinstance(told.error, OwnershipLost)
    assert not RunEvent.objects.filter(run_id=run.pk).exists()
