"""The journal's rows: how a group commit is stored. Runs on the journal's thread."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, TypeVar

import msgspec
from django.db import InterfaceError, OperationalError, connection, transaction

from agents.events import Event
from agents.statements import Cursor
from chat.exceptions import OwnershipLost
from chat.journal.live_run import Entry, LiveRun, timestamp_now

log = logging.getLogger(__name__)
T = TypeVar("T")
Row = tuple[Any, int, int, str, str]  # a run's key and epoch, seq, type, body
ROWS_PER_INSERT = 1024
NO_ROW = (None,) * 5
# PostgreSQL's. The runs stay locked until the commit, so that nobody takes one over, and are so in the order of keys.
INSERT = """
    WITH event (run_id, epoch, seq, event_type, body) AS (
        SELECT * FROM unnest(%s::uuid[], %s::integer[], %s::integer[], %s::text[], %s::text[])
    ), run AS (
        SELECT id, epoch FROM chat_run WHERE id IN (SELECT run_id FROM event) ORDER BY id FOR NO KEY UPDATE
    )
    INSERT INTO chat_runevent (run_id, seq, event_type, body)
    SELECT event.run_id, seq, event_type, body FROM event JOIN run ON run.id = event.run_id AND run.epoch = event.epoch
"""
INSERT_AGAIN = f"{INSERT} ON CONFLICT DO NOTHING"
RETRY_SECONDS = 30.0
AWAY = OperationalError, InterfaceError  # the database cannot be reached, or its answer was lost
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between tries, each twice as long as the one before


class Append(msgspec.Struct):
    """What one run adds in a commit. `error` says afterwards why it was not stored."""

    live: LiveRun
    entries: list[Entry]
    writes: list[Callable[[], None]]
    waiters: list["asyncio.Future[None]"]
    error: Exception | None = None

    def settle(self) -> None:
        """Tell those who wait for it."""
        for waiter in self.waiters:
            if waiter.done():
                continue
            if self.error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(self.error)


@dataclass(slots=True)
class Job:
    """A function that writes; `settle` hands its outcome to whoever waits for `done`.

    Jobs with a `lock`, the key of the one row that they lock first, share a transaction, in the order of their keys.
    """

    function: Callable[[], Any]
    done: "asyncio.Future[Any]"
    lock: int | None = None
    result: Any = None
    error: Exception | None = None

    def run(self) -> None:
        if self.done.cancelled():  # nobody waits for it any more, and it has not begun
            return
        try:
            with transaction.atomic():
                self.result, self.error = self.function(), None
        except Exception as error:
            self.result, self.error = None, error

    def settle(self) -> None:
        if self.done.done():
            return
        if self.error is None:
            self.done.set_result(self.result)
        else:
            self.done.set_exception(self.error)


@dataclass(slots=True)
class Batch:
    appends: list[Append] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)


def store(batch: Batch, events_stored: Callable[[], None] = lambda: None) -> None:
    """Store a batch: events in one transaction, starts in a last one, every other job in its own.

    Apart, because processes that lock each other's rows in different orders would wait for each other: events lock the
    process's own runs, starts their callers, and a job whatever it likes. Where a transaction fails, each of its parts
    gets one of its own, so that one cannot spoil all. While the database cannot be reached, jobs fail at once (their
    callers say so and can try again), but events are tried again for RETRY_SECONDS: their runs go on meanwhile.

    `events_stored` is called before starts: who waits for an event does not wait for them. The other jobs may belong to
    an event, and are seen with it.
    """
    failure = _failure_of(_store_events, batch.appends) if batch.appends else None
    if failure is not None:
        for append in batch.appends:
            _store_with_patience(append, again=isinstance(failure, AWAY))
    for job in batch.jobs:
        if job.lock is None:
            _run_alone(job)
    starts = sorted((job for job in batch.jobs if job.lock is not None), key=lambda job: job.lock or 0)
    if starts and batch.appends:
        events_stored()
    if len(starts) < 2 or _failure_of(_run_together, starts) is not None:
        for job in starts:
            _run_alone(job)


def _failure_of(store_all: Callable[[list[T]], None], parts: list[T]) -> Exception | None:
    try:
        store_all(parts)
    except Exception as error:
        log.warning("A group commit failed (%s); storing its %s parts one by one", type(error).__name__, len(parts))
        return error
    return None


@transaction.atomic
def _run_together(jobs: list[Job]) -> None:
    for job in jobs:
        job.run()
    # The connection broke in one of them, or it gave way in a deadlock, and took that error for its own.
    if transaction.get_rollback() or any(isinstance(job.error, OperationalError) for job in jobs):
        raise OperationalError("The transaction cannot be committed.")


def _run_alone(job: Job) -> None:
    job.run()
    if isinstance(job.error, AWAY):
        connection.close()


def _store_with_patience(append: Append, *, again: bool) -> None:
    """Try until it is stored, or for RETRY_SECONDS. `again`: see _store_events."""
    give_up = time.monotonic() + RETRY_SECONDS
    pause = FIRST_PAUSE
    while True:
        try:
            _store_events([append], again=again)
        except AWAY as error:
            connection.close()
            append.error, again = error, True
            if time.monotonic() > give_up:
                return
        except Exception as error:
            log.exception("A part of a group commit failed")
            append.error = error
            return
        else:
            return
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _store_events(appends: list[Append], *, again: bool = False) -> None:
    """Store what the runs add, in one transaction; of those that have another owner nothing.

    `again`: it was tried before, and may be stored, where only the answer to that was lost.
    """
    cursor = Cursor()
    rows: list[Row] = []
    has_writes = False
    for append in appends:
        live = append.live
        if live.key is None:
            live.key = cursor.key(live.run_id)
        rows += [(live.key, live.epoch, entry.seq, entry.event_type, entry.body.decode()) for entry in append.entries]
        has_writes = has_writes or bool(append.writes)
    # One statement is a transaction by itself.
    with transaction.atomic() if has_writes or len(rows) > ROWS_PER_INSERT else nullcontext():
        owned = _insert_owned(cursor, rows, again=again)
        for append in appends:
            append.error = None if owned is None or owned.get(append.live.key) == append.live.epoch else OwnershipLost()
            if append.error is None:
                for write in append.writes:
                    write()


def store_event(cursor: Cursor, run_id: uuid.UUID, seq: int, event: Event) -> Entry:
    """Store one event in the transaction at hand, for a run that no process writes to yet."""
    entry = Entry.of(event, seq, timestamp_now())
    cursor.execute(
        "INSERT INTO chat_runevent (run_id, seq, event_type, body) VALUES (%s, %s, %s, %s)",
        [cursor.key(run_id), seq, entry.event_type, entry.body.decode()],
    )
    return entry


def _insert_owned(cursor: Cursor, rows: list[Row], *, again: bool) -> dict[Any, int] | None:
    """Store the events of those runs that have the epoch given. Returns nothing where that was all; else all epochs."""
    stored = 0
    for start in range(0, len(rows), ROWS_PER_INSERT):
        group = rows[start : start + ROWS_PER_INSERT]
        if cursor.vendor == "sqlite":
            size = _size(len(group))
            padded: Iterable[Any] = chain(group, repeat(NO_ROW, size - len(group)))  # there is no such run
            stored += cursor.execute(_insertion(size, again), list(chain.from_iterable(padded)))
        else:
            columns = [list(column) for column in zip(*group, strict=True)]
            stored += cursor.execute(INSERT_AGAIN if again else INSERT, columns)
    if stored == len(rows):
        return None
    keys = list({row[0] for row in rows})
    marks = ", ".join(["%s"] * len(keys))
    return dict(cursor.rows(f"SELECT id, epoch FROM chat_run WHERE id IN ({marks})", keys))  # noqa: S608 - marks only


def _size(count: int) -> int:
    """How many rows a statement for so many has: up to an eighth more.

    Sizes are few, so that SQLite's driver has nearly every statement at hand: reading one costs as much as half of its
    rows do.
    """
    step = 1 << max(0, count.bit_length() - 4)
    return -(-count // step) * step


@lru_cache(128)
def _insertion(count: int, again: bool) -> str:
    """SQLite's statement for so many rows. `again`: what is stored already stays as it is.

    Each step of a statement gives up the interpreter's lock, and has to wait for the event loop to get it back: rows
    that go one by one wait hundreds of times in a commit.
    """
    values = ", ".join(["(%s, %s, %s, %s, %s)"] * count)
    # CROSS JOIN: from the values to their runs, and not through all runs. `true` keeps the two ONs apart.
    return f"""
        INSERT INTO chat_runevent (run_id, seq, event_type, body)
        SELECT column1, column3, column4, column5 FROM (VALUES {values})
        CROSS JOIN chat_run run ON run.id = column1 AND run.epoch = column2
        WHERE true {"ON CONFLICT DO NOTHING" if again else ""}
    """  # noqa: S608 - marks only
