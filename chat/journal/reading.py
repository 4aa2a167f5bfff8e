"""The stored events of a run, for whoever reads them: in rows of their own, or packed some time after its end."""

import uuid
from collections.abc import Iterator
from typing import Any

from agents.events import TERMINAL_EVENT_TYPES
from agents.statements import Cursor
from chat.journal.live_run import READ_BYTES, Entry
from chat.journal.packs import unpack
from chat.models import Run

ROWS_PER_READ = 1000
FIRST_ROWS = 8  # of a read: how many more it fetches is said by their size
STATUS = "SELECT status FROM chat_run WHERE id = %s"
ROWS = "SELECT seq, event_type, body FROM chat_runevent WHERE run_id = %s AND seq > %s ORDER BY seq LIMIT %s"
PACK = (
    "SELECT first_seq, last_seq, data FROM chat_eventpack"
    " WHERE run_id = %s AND last_seq > %s ORDER BY first_seq LIMIT 1"
)


def read_entries(
    run_id: uuid.UUID, after: int, max_bytes: int, max_rows: int = ROWS_PER_READ
) -> tuple[list[Entry], bool]:
    """Stored events after the cursor, up to max_bytes (at least one), and whether the run has none to come."""
    cursor = Cursor()
    key = cursor.key(run_id)
    # The state is read first: a run that has ended by then has stored its last event.
    ended = not any(status in Run.Status.active() for (status,) in cursor.rows(STATUS, [key]))
    entries: list[Entry] = []
    size = 0
    for entry in _stored(cursor, key, after, max_bytes, max_rows, ended=ended):
        size += len(entry.body)
        if entries and size > max_bytes:
            break
        entries.append(entry)
        if len(entries) == max_rows or entry.event_type in TERMINAL_EVENT_TYPES:
            break
    return entries, ended


def stored_entries(run_id: uuid.UUID) -> Iterator[Entry]:
    """All stored events of a run, of which a piece at a time is in memory."""
    after = 0
    while entries := read_entries(run_id, after, READ_BYTES)[0]:
        yield from entries
        after = entries[-1].seq


def unpacked(run_id: uuid.UUID, max_bytes: int) -> list[Entry]:
    """The first events that still have rows, without a gap in their numbers, up to max_bytes (at least one)."""
    entries: list[Entry] = []
    cursor = Cursor()
    for entry in _rows(cursor, cursor.key(run_id), 0, max_bytes, ROWS_PER_READ):
        max_bytes -= len(entry.body)
        if entries and max_bytes < 0:
            break
        entries.append(entry)
    return entries


def _stored(cursor: Cursor, key: Any, after: int, max_bytes: int, max_rows: int, *, ended: bool) -> Iterator[Entry]:
    """Events after the cursor; there may be more.

    Rows are looked at first: where the next event is not among them, it has been packed by then. Only an ended run has
    packs, so what a reader of a running one finds, or does not find, is right.
    """
    rows = _rows(cursor, key, after, max_bytes, max_rows)
    first = next(rows, None)
    may_be_packed = ended if first is None else first.seq != after + 1
    if may_be_packed:
        entry = None
        for entry in _packed(cursor, key, after, max_bytes):
            yield entry
        if entry is not None:
            return
    if first is not None:
        yield first
        yield from rows


def _packed(cursor: Cursor, key: Any, after: int, max_bytes: int) -> Iterator[Entry]:
    """Events after the cursor, from the pack that holds the next one, and from more where that is a small one."""
    while max_bytes > 0 and (found := cursor.rows(PACK, [key, after])):
        ((first_seq, last_seq, data),) = found
        entries = unpack(bytes(data), first_seq)
        for entry in entries[max(0, after + 1 - first_seq) :]:
            yield entry
            max_bytes -= 2 * len(entry.body)  # no other pack for a little of it: the next read would unpack it again
        after = last_seq


def _rows(cursor: Cursor, key: Any, after: int, max_bytes: int, max_rows: int) -> Iterator[Entry]:
    """Rows after the cursor, at most max_rows and hardly more than max_bytes: nobody loads what he will not take.

    They end at a gap in their numbers: what is missing has been packed since the first look.
    """
    wanted, expected = min(FIRST_ROWS, max_rows), None
    while wanted:
        rows = cursor.rows(ROWS, [key, after, wanted])
        for seq, event_type, body in rows:
            if expected is not None and seq != expected:
                return
            yield Entry(seq, event_type, body.encode())
            expected = seq + 1
        if len(rows) < wanted:
            return
        after, max_rows = rows[-1][0], max_rows - len(rows)
        average = sum(len(body) for _, _, body in rows) // len(rows)
        wanted = min(max_rows, max_bytes // (average + 1) + 1)
