"""Finding a run for a reader: through its owner, at a cursor that is valid."""

import uuid
from dataclasses import dataclass

from agents.errors import ErrorCode
from agents.events import TERMINAL_EVENT_TYPES
from agents.statements import db_key, load
from chat.access import Caller
from chat.exceptions import RETRY_AFTER, Refused, invalid, not_found
from chat.ids import parse_id
from chat.journal import Entry
from chat.journal.reading import read_entries
from chat.models import Run

# Not `IN`: SQLite would list all conversations of the caller before it looks for one.
OWNED = "id = %s AND EXISTS (SELECT 1 FROM chat_conversation c WHERE c.id = conversation_id AND c.owner_id = %s)"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader stands in a run."""

    run_id: uuid.UUID
    conversation_id: uuid.UUID
    after: int = 0
    status: str = Run.Status.RUNNING


def find_run(caller: Caller, run_id: "uuid.UUID | str") -> Run:
    """The caller's run. Raises Refused: the same for an unknown run and for somebody else's. Uses the database."""
    parsed = parse_id(run_id) if isinstance(run_id, str) else run_id
    found = load(Run, OWNED, db_key(parsed), caller.user_id) if parsed else []
    if not found:
        raise not_found("run")
    return found[0]


def position(caller: Caller, run_id: "uuid.UUID | str", after: int) -> Position:
    """Check a cursor. Raises Refused where it is ahead of the run, or where its events are gone. Uses the database."""
    run = find_run(caller, run_id)
    if run.events_pruned:
        raise Refused(
            ErrorCode.CURSOR_EXPIRED,
            "The events of this run are no longer kept; its messages are.",
            details={"messages": f"/conversations/{run.conversation_id}/messages", "run": f"/runs/{run.pk}"},
        )
    if after > run.last_seq():
        raise invalid("The cursor is ahead of the run: ask for events after one that you have seen.", field="after")
    return Position(run.pk, run.conversation_id, after, run.status)


def terminal_entry(caller: Caller, run_id: uuid.UUID) -> Entry:
    """What the caller's run has ended with. Raises Refused where it is gone, or not there yet. Uses the database."""
    run = find_run(caller, run_id)
    at = position(caller, run_id, max(0, run.last_seq() - 1))
    entries, _ = read_entries(at.run_id, at.after, max_bytes=1, max_rows=1)
    if not entries or entries[0].event_type not in TERMINAL_EVENT_TYPES:
        message = "The run has not stopped yet: its process does not answer. Resume it to hear of its end."
        raise Refused(ErrorCode.UNAVAILABLE, message, retry_after=RETRY_AFTER)
    return entries[0]


def parse_after(text: str | None) -> int:
    """`?after=`. Raises Refused."""
    if text is None or text == "":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise invalid("`after` is the number of an event: 0, 1, 2 …", field="after")
    return int(text)
