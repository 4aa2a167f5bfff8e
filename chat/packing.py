"""Packing the events of runs that have ended: see chat.journal.packs. Any process may pack any run."""

import asyncio
import logging
import random
import uuid
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from agents.statements import Cursor
from chat.database import in_database
from chat.ids import earliest_id
from chat.journal import Journal
from chat.journal.live_run import READ_BYTES
from chat.journal.packs import pack
from chat.journal.reading import unpacked
from chat.models import EventPack, Run

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
PAUSE_SECONDS = 0.03  # after each pack: others write in between, and the event loop has other things to do
RUNS_AT_ONCE = 50
BEFORE_ALL = uuid.UUID(int=0)
# A step from run to run through the key of the events: what has been packed costs nothing, nor do the events of a run,
# nor runs that began too late to have ended in time. CROSS: SQLite takes no more steps than it has to.
WITH_ROWS = """
    WITH RECURSIVE told (run_id) AS (
        SELECT (SELECT run_id FROM chat_runevent WHERE run_id > %s AND run_id < %s ORDER BY run_id LIMIT 1)
        UNION ALL
        SELECT (SELECT run_id FROM chat_runevent WHERE run_id > told.run_id AND run_id < %s ORDER BY run_id LIMIT 1)
        FROM told WHERE told.run_id IS NOT NULL
    )
    SELECT run.id FROM told CROSS JOIN chat_run run
    WHERE run.id = told.run_id AND run.finished_at <= %s AND NOT run.events_pruned LIMIT %s
"""

CONVERSATION = (
    "SELECT 1 FROM chat_conversation JOIN chat_run run ON run.conversation_id = chat_conversation.id WHERE run.id = %s"
)
LOCKED = " FOR NO KEY UPDATE OF chat_conversation SKIP LOCKED"
DELETE = "DELETE FROM chat_runevent WHERE run_id = %s AND seq BETWEEN %s AND %s"


class Packing:
    """One process's share of the work. Its looks go round: what cannot be packed now holds up nothing."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._looked_at = BEFORE_ALL

    async def keep(self) -> None:
        """Look now and then, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            try:
                while await self.pack_some():
                    pass
            except (DatabaseError, InterfaceError) as error:
                log.warning("Events could not be packed: %s", type(error).__name__)
            except Exception:
                log.exception("Packing events failed")

    async def pack_some(self) -> bool:
        """Pack some runs; whether there may be more."""
        runs = await in_database(runs_to_pack, settings.PACK_EVENTS_AFTER_SECONDS, self._looked_at)
        for run_id in runs:
            self._looked_at = run_id
            await self._pack_run(run_id)
        if len(runs) < RUNS_AT_ONCE:
            self._looked_at = BEFORE_ALL
        return len(runs) == RUNS_AT_ONCE

    async def _pack_run(self, run_id: uuid.UUID) -> None:
        """Only what locks is done on the journal's thread."""
        while (made := await in_database(next_pack, run_id)) is not None:
            if not await self._journal.execute(partial(put_in_place, made)):
                return
            await asyncio.sleep(PAUSE_SECONDS)


def pack_run(run_id: uuid.UUID) -> Iterator[EventPack]:
    """Pack the events of a run that has ended, in transactions of their own. Yields what it has stored."""
    while (made := next_pack(run_id)) is not None:
        with transaction.atomic():
            stored = put_in_place(made)
        if not stored:
            return
        yield made


def runs_to_pack(seconds: float, after: uuid.UUID = BEFORE_ALL) -> list[uuid.UUID]:
    """Some of the runs that ended at least so many seconds ago and have unpacked events, in the order of their ids."""
    before = timezone.now() - timedelta(seconds=seconds)
    finished_at = Run._meta.get_field("finished_at").get_db_prep_value(before, connection)
    cursor = Cursor()
    began = cursor.key(earliest_id(before))
    found = cursor.rows(WITH_ROWS, [cursor.key(after), began, began, finished_at, RUNS_AT_ONCE])
    return [cursor.uuid(key) for (key,) in found]


def next_pack(run_id: uuid.UUID) -> EventPack | None:
    """What the first unpacked events of a run are to be replaced with. A reader takes it as one piece."""
    entries = unpacked(run_id, READ_BYTES)
    if not entries:
        return None
    return EventPack(run_id=run_id, first_seq=entries[0].seq, last_seq=entries[-1].seq, data=pack(entries))


def put_in_place(made: EventPack) -> bool:
    """Replace rows by their pack, in the transaction at hand. False where they are not all there any more.

    Then they have been packed, pruned or deleted meanwhile. The conversation is locked against its deletion (SQLite's
    transaction keeps everybody out); one that somebody else has locked is left alone.
    """
    cursor = Cursor()
    key = cursor.key(made.run_id)
    if not cursor.rows(CONVERSATION + (LOCKED if cursor.vendor == "postgresql" else ""), [key]):
        return False
    if cursor.execute(DELETE, [key, made.first_seq, made.last_seq]) != made.last_seq - made.first_seq + 1:
        transaction.set_rollback(True)
        return False
    values = {name: getattr(made, name) for name in ("run_id", "first_seq", "last_seq", "data")}
    cursor.insert(EventPack, values)
    return True
