"""Requests that wait for the end of a run, and are told when this process stops before it."""

import asyncio
import uuid
from contextlib import aclosing
from typing import Any

from agents.errors import ErrorCode
from chat.exceptions import RETRY_AFTER, Refused
from chat.journal import Journal


class Waits:
    """A stream can be cut, as its client has a cursor; who waits for a whole answer has nothing to come back with."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._tasks: set[asyncio.Task[Any] | None] = set()

    async def for_end_of(self, run_id: uuid.UUID) -> None:
        """Return when the run has ended, whichever process runs it. Raises Refused when this one stops before."""
        waiting = asyncio.current_task()
        self._tasks.add(waiting)
        try:
            async with aclosing(self._journal.follow(run_id, after=0)) as batches:
                async for _ in batches:
                    pass
        except asyncio.CancelledError:
            if waiting is None or waiting in self._tasks:
                raise
            waiting.uncancel()  # it was turn_away
            raise Refused(
                ErrorCode.SHUTTING_DOWN,
                f"The server is stopping. The answer goes on: GET /runs/{run_id} tells of it.",
                details={"run_id": str(run_id)},
                retry_after=RETRY_AFTER,
            ) from None
        finally:
            self._tasks.discard(waiting)

    def turn_away(self) -> None:
        """Let all who wait be refused."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            if task is not None:
                task.cancel()
