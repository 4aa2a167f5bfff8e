"""Those who follow runs in this process, from memory where it has them, and from the rows where it has not."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import nullcontext

from agents.events import TERMINAL_EVENT_TYPES
from chat.database import in_database
from chat.journal.live_run import READ_BYTES, Entry, LiveRun, Take
from chat.journal.pulse import Pulse
from chat.journal.reading import read_entries
from chat.journal.watch import Listener, Listeners

REPLAYS = 2  # reads at once for those who come back to a long run: others find a thread of the database free
POLL = 1.0  # seconds: hints may be lost, so a reader also looks for itself


class Readers:
    """The readers of one process. `live` are the runs that it owns; a reader hears nothing for `heartbeat` seconds."""

    def __init__(self, live: dict[uuid.UUID, LiveRun], heartbeat: float) -> None:
        self.listeners = Listeners()
        self._live = live
        self._heartbeat = heartbeat
        self._count = 0
        self._replays = asyncio.Semaphore(REPLAYS)

    def __len__(self) -> int:
        return self._count

    async def follow(
        self, run_id: uuid.UUID, after: int = 0, take: Take | None = None
    ) -> AsyncGenerator[list[Entry], None]:
        """Yield the run's stored events after the cursor, in order, until its terminal event.

        Each list holds up to READ_BYTES. An empty one says that there is nothing yet: at once to a reader that comes
        to a silent run, so that its client sees the head of the answer, and then after each `heartbeat`. What comes
        while the reader waits is offered to `take` first, where there is one, and not yielded where it returns True.
        """
        self._count += 1
        pulse = Pulse(self._heartbeat, lambda: self._wake(run_id))
        listener = Listener(self.listeners, run_id)
        live: LiveRun | None = None
        catches_up = False
        try:
            while True:
                if live is None or live.closed:
                    live = self._open_run(run_id, listener)
                entries, ended = await self._stored_after(run_id, live, after, catches_up=catches_up)
                if ended and not entries:
                    return
                if entries or pulse.is_due:
                    yield entries
                    pulse.has_beaten, pulse.is_due = True, False
                    if _end_a_run(entries):
                        return
                    after = entries[-1].seq if entries else after
                    if live is None or live.closed or live.stored_seq > after:
                        await asyncio.sleep(0)  # a server's send need not suspend: others get their turn here
                        catches_up = True
                        continue
                catches_up = False
                if live is None:
                    await listener.wait(POLL)
                    continue
                reader = live.news(after, pulse, take)
                await reader.news
                after = reader.after
        finally:
            pulse.stop()
            listener.leave()
            self._count -= 1

    def _open_run(self, run_id: uuid.UUID, listener: Listener) -> LiveRun | None:
        """The run as this process has it in memory. Where it has not, the listener begins to look at the rows."""
        live = self._live.get(run_id)
        if live is not None and not live.closed:
            return live
        listener.begin_to_look()
        return None

    async def _stored_after(
        self, run_id: uuid.UUID, live: LiveRun | None, after: int, *, catches_up: bool
    ) -> tuple[list[Entry], bool]:
        """Events after the cursor, from memory where it has them, and whether there are none to come."""
        if live is not None:
            entries = live.after(after)
            if entries is not None:
                return entries, live.finished
        async with self._replays if catches_up else nullcontext():
            return await in_database(read_entries, run_id, after, READ_BYTES)

    def _wake(self, run_id: uuid.UUID) -> None:
        """Let the readers of a run of ours look whether it is time for a sign of life."""
        if run_id in self._live:
            self._live[run_id].wake()


def _end_a_run(entries: list[Entry]) -> bool:
    return bool(entries) and entries[-1].event_type in TERMINAL_EVENT_TYPES
