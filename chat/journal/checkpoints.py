"""Copying SQLite's write-ahead log into its database, beside the writer."""

import asyncio
import logging
from functools import partial

from django.db import connection

from chat.database import with_connection
from chat.threads import Threads

log = logging.getLogger(__name__)
PAUSE = 0.5  # seconds between two of them
NICENESS = 5  # of the thread beside: a third as much of a core as the others get where they share one
LONG = 12_000  # pages: a log of so many is to begin anew


class Checkpoints:
    """SQLite would do it in the middle of a commit, for which everybody waits, as long as the disk takes.

    The log begins anew with a commit that finds all of it copied. While commits come without a pause, none does: so the
    thread that writes, `writer`, copies between two of them what has come since most of it was copied beside it.
    (`wal_autocheckpoint` is for a log that grows faster than that, or that readers hold back.)
    """

    def __init__(self, writer: Threads) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer = writer
        self._thread = Threads(1, "checkpoint", niceness=NICENESS)
        self._next = 0.0  # loop time
        self._is_needed = connection.vendor == "sqlite"  # asked once: on the event loop it makes a connection each time

    def committed(self) -> None:
        """Something was stored: have it copied, unless that was done just now, or is being done."""
        if not self._is_needed or self._loop.time() < self._next:
            return
        self._next = float("inf")
        self._copy(self._thread).add_done_callback(self._most_is_copied)

    def close(self) -> None:
        self._is_needed = False
        self._thread.close()

    def _copy(self, thread: Threads) -> "asyncio.Future[int]":
        return thread.run(partial(with_connection, _checkpoint))

    def _most_is_copied(self, checkpoint: "asyncio.Future[int]") -> None:
        self._next = self._loop.time() + PAUSE
        if checkpoint.cancelled():
            return
        if checkpoint.exception() is not None:
            log.warning("The write-ahead log could not be copied: %s", type(checkpoint.exception()).__name__)
        elif checkpoint.result() >= LONG and self._is_needed:
            self._copy(self._writer).add_done_callback(self._all_is_copied)

    def _all_is_copied(self, checkpoint: "asyncio.Future[int]") -> None:
        if not checkpoint.cancelled() and checkpoint.exception() is not None:
            log.warning("The write-ahead log could not begin anew: %s", type(checkpoint.exception()).__name__)


def _checkpoint() -> int:
    """Copy what no reader still needs in the log, and stop nobody. Returns the log's length in pages."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        _, length, _ = cursor.fetchone()
    return int(length)
