"""Copying SQLite's write-ahead log into its database, beside the writer."""

import asyncio
import logging
from typing import Any

from django.db import connection

from chat.database import with_connection
from chat.threads import Threads

log = logging.getLogger(__name__)
PAUSE = 0.5  # seconds between two of them


class Checkpoints:
    """SQLite would do it in the middle of a commit, for which everybody waits, as long as the disk takes.

    It still does when the log has grown too long (`wal_autocheckpoint`): while commits come without a pause, only a
    checkpoint that is part of one can let the log begin anew. But then little is left to be copied.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = Threads(1, "checkpoint")
        self._next = 0.0  # loop time
        self._is_needed = connection.vendor == "sqlite"  # asked once: on the event loop it makes a connection each time

    def committed(self) -> None:
        """Something was stored: have it copied, unless that was done just now, or is being done."""
        if not self._is_needed or self._loop.time() < self._next:
            return
        self._next = float("inf")
        self._thread.run(lambda: with_connection(_checkpoint)).add_done_callback(self._done)

    def close(self) -> None:
        self._thread.close()

    def _done(self, checkpoint: "asyncio.Future[Any]") -> None:
        self._next = self._loop.time() + PAUSE
        if not checkpoint.cancelled() and checkpoint.exception() is not None:
            log.warning("The write-ahead log could not be copied: %s", type(checkpoint.exception()).__name__)


def _checkpoint() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")  # stops before what others still read, and stops nobody
        cursor.fetchone()
