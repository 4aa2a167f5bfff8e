"""The journal's rows: how a group commit is stored. Runs on the journal's thread."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

from agents.events import Event
from agents.statements import Cursor
from chat.exceptions import OwnershipLost
from chat.journal.live_run import Entry, LiveRun, timestamp_now
from chat.models import Run, RunEvent

log = logging.getLogger(__name__)
T = TypeVar("T")
Row = tuple[Any, int, str, str]  # a run's key, seq, type, body
ROWS_PER_INSERT = 1000
RETRY_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between tries, each twice as long as the one before


@dataclass(slots=True)
class Append:
    """What one run adds in a commit. `error` says afterwards why it was not stored."""

    live: LiveRun
    entries: list[Entry]
    writes: list[Callable[[], None]]
    waiters: list["asyncio.Future[None]"]
    error: Exception | None = None


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


def store(batch: Batch) -> None:
    """Store a batch: events in one transaction, starts in a second one, every other job in its own.

    Apart, because processes that lock each other's rows in different orders would wait for each other: events lock the
    process's own runs, starts their callers, and a job whatever it likes. Where a transaction fails, each of its parts
    gets one of its own, so that one cannot spoil all. While the database cannot be reached, jobs fail at once (their
    callers say so and can try again), but events are tried again for RETRY_SECONDS: their runs go on meanwhile.
    """
    if batch.appends and not _worked(_store_events, batch.appends):
        for append in batch.appends:
            _store_with_patience(append)
    starts = sorted((job for job in batch.jobs if job.lock is not None), key=lambda job: job.lock or 0)
    if len(starts) < 2 or not _worked(_run_together, starts):
        for job in starts:
            _run_alone(job)
    for job in batch.jobs:
        if job.lock is None:
            _run_alone(job)


def _worked(store_all: Callable[[list[T]], None], parts: list[T]) -> bool:
    try:
        with transaction.atomic():
            store_all(parts)
    except Exception as error:
        log.warning("A group commit failed (%s); storing its %s parts one by one", type(error).__name__, len(parts))
        return False
    return True


def _run_together(jobs: list[Job]) -> None:
    for job in jobs:
        job.run()
    # The connection broke in one of them, or it gave way in a deadlock, and took that error for its own.
    if transaction.get_rollback() or any(isinstance(job.error, OperationalError) for job in jobs):
        raise OperationalError("The transaction cannot be committed.")


def _run_alone(job: Job) -> None:
    job.run()
    if isinstance(job.error, (OperationalError, InterfaceError)):
        connection.close()


def _store_with_patience(append: Append) -> None:
    give_up = time.monotonic() + RETRY_SECONDS
    pause = FIRST_PAUSE
    while True:
        try:
            with transaction.atomic():
                _store_events([append])
        except (OperationalError, InterfaceError) as error:
            connection.close()
            append.error = error
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


def _store_events(appends: list[Append]) -> None:
    cursor = Cursor()
    keys = [_key(append.live, cursor) for append in appends]
    epochs = _lock_epochs(cursor, keys)
    rows: list[Row] = []
    for append, key in zip(appends, keys, strict=True):
        if epochs.get(key) != append.live.epoch:
            append.error = OwnershipLost()
            continue
        append.error = None
        rows.extend((key, entry.seq, entry.event_type, entry.body.decode()) for entry in append.entries)
    if rows:
        insert_rows(cursor, rows)
    for append in appends:
        if append.error is None:
            for write in append.writes:
                write()


def _key(live: LiveRun, cursor: Cursor) -> Any:
    if live.key is None:
        live.key = cursor.key(live.run_id)
    return live.key


def store_event(cursor: Cursor, run_id: uuid.UUID, seq: int, event: Event) -> Entry:
    """Store one event in the transaction at hand, for a run that no process writes to yet."""
    entry = Entry.of(event, seq, timestamp_now())
    insert_rows(cursor, [(cursor.key(run_id), seq, entry.event_type, entry.body.decode())])
    return entry


def insert_rows(cursor: Cursor, rows: list[Row]) -> None:
    """Store events in as few statements as can be.

    On SQLite each step of a statement gives up the interpreter's lock, and has to wait for the event loop to get it
    back: rows that go one by one wait hundreds of times in a commit. `OR FAIL` spares the copies of pages from which
    one failing statement would be undone: it is undone with its transaction.
    """
    insert = "INSERT OR FAIL" if cursor.vendor == "sqlite" else "INSERT"
    for start in range(0, len(rows), ROWS_PER_INSERT):
        group = rows[start : start + ROWS_PER_INSERT]
        marks = ", ".join(["(%s, %s, %s, %s)"] * len(group))
        cursor.execute(
            f"{insert} INTO {RunEvent._meta.db_table} (run_id, seq, event_type, body) VALUES {marks}",
            list(chain.from_iterable(group)),
        )


def _lock_epochs(cursor: Cursor, keys: list[Any]) -> dict[Any, int]:
    """The epochs of the runs. On PostgreSQL the rows stay locked until the commit, so that nobody takes one over.

    SQLite, whose transaction keeps others out, tells all of them in one row: each row would be a step (see above).
    """
    where = f"FROM {Run._meta.db_table} WHERE id IN ({', '.join(['%s'] * len(keys))})"
    if cursor.vendor == "sqlite":
        ((told,),) = cursor.rows(f"SELECT json_group_object(id, epoch) {where}", keys)
        epochs: dict[Any, int] = json.loads(told)
        return epochs
    return dict(cursor.rows(f"SELECT id, epoch {where} ORDER BY id FOR NO KEY UPDATE", keys))
