"""The journal: the only writer and, with its readers, the only reader of run events.

A run's events are numbered here, stored in group commits on one thread, and only then handed to readers: what anyone
has seen is stored. Text waits up to the gather window, so that many tokens share one event and many runs one
transaction; the first token and everything else is committed at once.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from time import monotonic
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError

from agents.events import ChatChunk, Event, ReasoningChunk
from chat.database import WRITER, with_connection
from chat.exceptions import OwnershipLost
from chat.journal.checkpoints import Checkpoints
from chat.journal.live_run import Entry, LiveRun, Take, timestamp_now
from chat.journal.readers import Readers
from chat.journal.rows import FIRST_PAUSE, LONGEST_PAUSE, Append, Batch, Job, store
from chat.journal.window import Window
from chat.threads import Threads

log = logging.getLogger(__name__)
T = TypeVar("T")
HEARTBEAT = 15.0  # seconds
PHASES = 0, 0.5, 0.25, 0.75  # of the windows, as parts of the gather window; the first one, two or four are used
RUNS_PER_WINDOW = 112  # what all of them say at once makes the last of them wait; another window is another commit


class Journal:
    """The journal of one process. In seconds: `gather` is how long text may wait for company, `heartbeat` how long a
    reader hears nothing.
    """

    def __init__(
        self,
        *,
        gather: float,
        heartbeat: float = HEARTBEAT,
        on_stored: Callable[[list[tuple[uuid.UUID, int]]], None] = lambda _: None,
    ) -> None:
        self.gather = gather
        self.live: dict[uuid.UUID, LiveRun] = {}
        self.readers = Readers(self.live, heartbeat)
        self._on_stored = on_stored
        self._loop = asyncio.get_running_loop()
        self._thread = Threads(1, WRITER)
        self._checkpoints = Checkpoints(self._thread)
        self._dirty: dict[LiveRun, None] = {}
        self._jobs: list[Job] = []
        self._windows = [Window(gather * phase) for phase in PHASES]
        self._turns = cycle(range(len(PHASES)))
        self._mask = 0  # the part of a run's turn that tells its window
        self._soon = False
        self._committing: asyncio.Future[Any] | None = None

    # --- writing -----------------------------------------------------------------------------------------------------
    def open(self, run_id: uuid.UUID, *, epoch: int, entries: Sequence[Entry] = (), last_seq: int = 0) -> LiveRun:
        """Begin to own a run. `entries` are stored already; `last_seq` is the last of them, or of the row's journal."""
        live = LiveRun(run_id, epoch, last_seq, next(self._turns))
        if entries:
            live.publish(list(entries))
            live.last_seq = live.stored_seq
        if run_id in self.live:  # of an ownership that was lost, and does not know it yet: its readers come here
            self.live[run_id].close()
        self.live[run_id] = live
        self._share_windows()
        self.readers.listeners.tell(run_id)
        return live

    def close(self, live: LiveRun) -> None:
        """Stop owning a run; its readers go on with the rows."""
        if self.live.get(live.run_id) is live:
            del self.live[live.run_id]
            self._share_windows()
        live.close()

    def put(self, live: LiveRun, event: ChatChunk | ReasoningChunk, more: Callable[[], None] | None = None) -> bool:
        """Take a piece of text. A caller whose run `is_behind` then catches up before the next one.

        True where the next piece is likely to join this one: `more` will be called at the end of the gather window,
        just before what waits is stored. Text put then still comes with it, so what was said meanwhile is one piece.
        Raises OwnershipLost.
        """
        if live.lost:
            raise OwnershipLost
        now = monotonic()
        comes_slowly, live.put_at = now - live.put_at > 2 * self.gather, now
        live.put_text(event)
        self._dirty[live] = None
        if not live.spoke:
            live.spoke = True
            self._flush_soon()
            return False
        window = self._windows[live.turn & self._mask]
        if not window.is_open:
            self._open(window)
        if more is None or comes_slowly or live.alternates:
            return False
        window.more[live] = more
        return True

    async def catch_up(self, live: LiveRun) -> None:
        """Return when all that was put has been stored. Raises OwnershipLost."""
        await self._when_stored(live)

    async def append(self, live: LiveRun, events: Sequence[Event], write: Callable[[], None] | None = None) -> None:
        """Store events, with what belongs to them (`write`), in one transaction. Returns when it has committed.

        Raises OwnershipLost when the run has another owner: then nothing was written.
        """
        if live.lost:
            raise OwnershipLost
        if not events:
            raise ValueError("What is written without an event would not depend on who owns the run.")
        live.pending.extend(events)
        if write is not None:
            live.writes.append(write)
        await self._when_stored(live)

    async def execute(self, function: Callable[[], T], *, lock: int | None = None) -> T:
        """Run a function that writes to the database on the writer's thread; its errors are the caller's.

        `lock` is the key of the row that the function locks before any other: see Job.
        """
        job = Job(function, self._loop.create_future(), lock)
        self._jobs.append(job)
        self._flush_soon()
        return await job.done  # type: ignore[no-any-return]

    async def execute_patiently(self, function: Callable[[], T]) -> T:
        """The same, tried again while the database is away: for as long as the caller waits."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self.execute(function)
            except (OperationalError, InterfaceError) as error:
                log.warning("Something could not be stored, and is tried again: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _when_stored(self, live: LiveRun) -> "asyncio.Future[None]":
        """Have what waits stored at once. Ends when it has committed, or with OwnershipLost."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        live.waiters.append(waiter)
        self._dirty[live] = None
        self._flush_soon()
        return waiter

    def _share_windows(self) -> None:
        """As many windows as the runs need: a power of two, so that each run's turn leads to one of them."""
        needed = -(-len(self.live) // RUNS_PER_WINDOW)
        self._mask = min(len(PHASES), 1 << max(0, needed - 1).bit_length()) - 1

    def _open(self, window: Window) -> None:
        """Open a window, until the next moment of its phase."""
        window.is_open = True
        now = self._loop.time()
        wait = self.gather - (now - window.phase) % self.gather if self.gather else 0
        self._loop.call_at(now + wait, self._close, window)

    def _close(self, window: Window) -> None:
        """Let the runs put what has come for them meanwhile, then flush."""
        window.is_open = False
        asked, window.more = window.more, {}
        for more in asked.values():
            try:
                more()
            except Exception:
                log.exception("A run could not be asked for its text")
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Hand everything that waits to the writer thread, unless it is still busy: then right after."""
        if self._committing is not None:
            self._soon = True
            return
        self._soon = False
        batch = self._take_batch()
        if batch.appends or batch.jobs:
            self._commit(batch)

    def _take_batch(self) -> Batch:
        timestamp = timestamp_now()
        appends = []
        for live in self._dirty:
            appends.append(Append(live, live.number(timestamp), live.writes, live.waiters))
            live.writes, live.waiters = [], []
        jobs, self._jobs, self._dirty = self._jobs, [], {}
        return Batch(appends, jobs)

    def _commit(self, batch: Batch) -> None:
        def events_stored() -> None:
            with suppress(RuntimeError):  # the loop has been closed: nobody waits
                self._loop.call_soon_threadsafe(self._show, batch)

        self._committing = self._thread.run(partial(with_connection, store, batch, events_stored))
        self._committing.add_done_callback(lambda done: self._committed(batch, done))

    def _committed(self, batch: Batch, done: "asyncio.Future[None]") -> None:
        self._committing = None
        if done.cancelled() or done.exception() is not None:
            log.error("The journal could not be written", exc_info=None if done.cancelled() else done.exception())
            for append in batch.appends:  # nobody knows what of it is stored: none of it is shown
                append.error = append.error or OwnershipLost()
            for job in batch.jobs:
                job.error = job.error or OperationalError("The writer failed.")
        self._show(batch)
        for job in batch.jobs:
            job.settle()
        self._checkpoints.committed()
        if self._soon or self._jobs:
            self._flush()

    def _show(self, batch: Batch) -> None:
        """Tell each run's readers and its writer, once, how its part of a commit went."""
        appends, batch.appends = batch.appends, []
        stored: list[tuple[uuid.UUID, int]] = []
        for append in appends:
            live = append.live
            if append.error is not None:
                live.lost = True
                live.close()
            elif append.entries:
                live.publish(append.entries)
                stored.append((live.run_id, live.stored_seq))
            if append.waiters:
                append.settle()
        if stored:
            self._on_stored(stored)

    async def drain(self) -> None:
        """Store what waits, and end the writer's thread."""
        self._checkpoints.close()
        await self.execute(lambda: None)
        self._thread.close()

    # --- reading -----------------------------------------------------------------------------------------------------
    def follow(self, run_id: uuid.UUID, after: int = 0, take: Take | None = None) -> AsyncGenerator[list[Entry], None]:
        """See Readers.follow."""
        return self.readers.follow(run_id, after, take)

    def hint(self, run_id: uuid.UUID) -> None:
        """Another process says that the run has new events."""
        self.readers.listeners.tell(run_id)
