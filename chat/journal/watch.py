"""Readers of runs that another process has, and what they hear of them."""

import asyncio
import uuid
from contextlib import suppress


class Listener:
    """One reader of a run that another process has. What it hears while it looks at the rows is kept for its next wait.

    The rows may have been read before what the hint tells of was stored.
    """

    __slots__ = ("_heard", "_listeners", "_run_id")

    def __init__(self, listeners: "Listeners", run_id: uuid.UUID) -> None:
        self._listeners, self._run_id = listeners, run_id
        self._heard = asyncio.Event()

    def hear(self) -> None:
        self._heard.set()

    def begin_to_look(self) -> None:
        """What was heard so far is among the rows."""
        self._heard.clear()
        self._listeners.setdefault(self._run_id, set()).add(self)

    async def wait(self, seconds: float) -> None:
        """Return when something has been heard since the look began, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()

    def leave(self) -> None:
        others = self._listeners.get(self._run_id, set())
        others.discard(self)
        if not others:
            self._listeners.pop(self._run_id, None)


class Listeners(dict[uuid.UUID, set[Listener]]):
    """The listeners of one process, by run."""

    def tell(self, run_id: uuid.UUID) -> None:
        for listener in self.get(run_id, ()):
            listener.hear()
