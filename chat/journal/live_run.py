"""A run that this process owns: what waits to be stored, and the tail of what has been."""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from agents.events import TERMINAL_EVENT_TYPES, ChatChunk, Event, ReasoningChunk
from chat.journal.pulse import Pulse

log = logging.getLogger(__name__)
READ_BYTES = 64 * 1024  # what a reader is given at a time
EVENT_CHARS = READ_BYTES // 4  # text goes on in a new event: a reader who is given one at a time is given little
TAIL_BYTES = 256 * 1024  # what is kept in memory for the readers of a running run; older events are read from rows
PENDING_CHARS = 256 * 1024  # text that waits for the database before its run has to wait too
encode = msgspec.json.Encoder().encode
Take = Callable[[list["Entry"]], bool]


def timestamp_now() -> str:
    """The time as events carry it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class Entry(msgspec.Struct, gc=False):
    """A stored event: its number, its type, and the JSON that every client gets."""

    seq: int
    event_type: str
    body: bytes

    @classmethod
    def of(cls, event: Event, seq: int, timestamp: str) -> "Entry":
        """Number an event; from here on its bytes stand."""
        event.seq, event.timestamp = seq, timestamp
        return cls(seq, str(event.__struct_config__.tag), encode(event))


class Reader:
    """One who has seen all there is, up to `after`, and waits for `news`.

    What comes is offered to `take`, where a reader has one. While it takes it, the reader goes on waiting, and no task
    is woken: for each piece of a stream that would cost more than writing it.
    """

    __slots__ = ("_pulse", "_take", "after", "news")

    def __init__(self, after: int, pulse: Pulse, take: Take | None) -> None:
        self.after = after
        self.news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pulse = pulse
        self._take = take

    def takes(self, entries: "list[Entry]") -> bool:
        """Whether it takes these. It may have seen some: they are among the rows before this process knows of it."""
        if self._take is None or self.news.done() or entries[0].seq != self.after + 1:
            return False
        try:
            taken = self._take(entries)
        except Exception:
            log.exception("Events could not be written to a reader")
            return False
        if taken:
            self.after = entries[-1].seq
            self._pulse.has_beaten = True
        return taken

    def wake(self) -> None:
        if not self.news.done():
            self.news.set_result(None)


class LiveRun:
    """One owned run. `epoch` is the number of this ownership, which ends when the run is `lost` or `closed`; `turn`
    tells which of the gather windows its text waits for.
    """

    __slots__ = (
        "closed", "entries", "epoch", "finished", "key", "last_seq", "lost", "pending", "pending_chars", "put_at",
        "readers", "run_id", "spoke", "stored_seq", "tail_bytes", "turn", "waiters", "writes",
    )  # fmt: skip

    def __init__(self, run_id: uuid.UUID, epoch: int, last_seq: int, turn: int = 0) -> None:
        self.run_id = run_id
        self.key: Any = None  # the same, as the database's driver takes it
        self.epoch = epoch
        self.last_seq = last_seq
        self.turn = turn
        self.stored_seq = last_seq
        self.pending: list[Event] = []
        self.pending_chars = 0
        self.writes: list[Callable[[], None]] = []
        self.waiters: list[asyncio.Future[None]] = []
        self.entries: deque[Entry] = deque()
        self.tail_bytes = 0
        self.spoke = False
        self.put_at = 0.0  # when its last piece of text came, by the monotonic clock
        self.finished = False
        self.lost = False
        self.closed = False  # also when it is lost: readers go on with the rows
        self.readers: list[Reader] = []

    def put_text(self, event: ChatChunk | ReasoningChunk) -> None:
        if len(event.content) > EVENT_CHARS:  # a fast provider's text may come in one large piece
            for start in range(0, len(event.content), EVENT_CHARS):
                self.put_text(type(event)(content=event.content[start : start + EVENT_CHARS]))
            return
        last = self.pending[-1] if self.pending else None
        if type(last) is type(event) and len(last.content) < EVENT_CHARS:
            last.content += event.content
        else:
            self.pending.append(event)
        self.pending_chars += len(event.content)

    @property
    def is_behind(self) -> bool:
        """Whether so much waits to be stored that nothing more is put until it is."""
        return self.pending_chars > PENDING_CHARS

    @property
    def alternates(self) -> bool:
        """Whether text and reasoning take turns, so that the next piece will not join the last one."""
        return len(self.pending) > 1 and type(self.pending[-1]) is not type(self.pending[-2])

    def number(self, timestamp: str) -> list[Entry]:
        """Give the waiting events their numbers and bytes."""
        entries = []
        for event in self.pending:
            self.last_seq += 1
            entries.append(Entry.of(event, self.last_seq, timestamp))
        self.pending, self.pending_chars = [], 0
        return entries

    def publish(self, entries: list[Entry]) -> None:
        self.entries.extend(entries)
        self.stored_seq = entries[-1].seq
        size = 0
        for entry in entries:
            size += len(entry.body)
        self.tail_bytes += size
        while self.tail_bytes > TAIL_BYTES and len(self.entries) > 1:
            self.tail_bytes -= len(self.entries.popleft().body)
        self.finished = self.finished or entries[-1].event_type in TERMINAL_EVENT_TYPES
        if self.finished or size > READ_BYTES:
            self.wake()
            return
        readers, self.readers = self.readers, []
        for reader in readers:
            if reader.takes(entries):
                self.readers.append(reader)
            else:
                reader.wake()

    def news(self, after: int, pulse: Pulse, take: Take | None) -> Reader:
        """A reader that has seen all there is."""
        reader = Reader(after, pulse, take)
        self.readers.append(reader)
        return reader

    def wake(self) -> None:
        readers, self.readers = self.readers, []
        for reader in readers:
            reader.wake()

    def close(self) -> None:
        self.closed = True
        self.wake()

    def after(self, seq: int) -> list[Entry] | None:
        """Stored events after the cursor, up to READ_BYTES; None where the tail does not reach back so far."""
        if seq >= self.stored_seq:
            return []
        if not self.entries or self.entries[0].seq > seq + 1:
            return None
        first = seq + 1 - self.entries[0].seq
        taken: list[Entry] = []
        size = 0
        for index in range(first, len(self.entries)):
            entry = self.entries[index]
            size += len(entry.body)
            if taken and size > READ_BYTES:
                break
            taken.append(entry)
        return taken
