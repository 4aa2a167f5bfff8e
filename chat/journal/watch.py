"""Places where tasks wait for news."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Window:
    """A gather window of many runs: open from the first piece that waits to the next moment of its `phase`, in seconds.

    At its end the runs in `more` are asked for what has come meanwhile. Each window of a process closes at moments of
    its own: what all runs say at once makes the last of them wait.
    """

    __slots__ = ("is_open", "more", "phase")

    def __init__(self, phase: float) -> None:
        self.phase = phase
        self.is_open = False
        self.more: dict[Any, Callable[[], None]] = {}  # by run


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
