"""A reminder for a reader to whom nothing has happened for a while."""

import asyncio
from collections.abc import Callable

LOOKS = 2  # in a row that have found nothing: then a sign of life is due


class Pulse:
    """Says that a sign of life `is_due`: at first, and before nothing has happened for `seconds`; then it calls `wake`.

    What happens, often, is only noted: set `has_beaten`. A timer looks at it now and then.
    """

    __slots__ = ("_handle", "_loop", "_pause", "_silent", "_wake", "has_beaten", "is_due")

    def __init__(self, seconds: float, wake: Callable[[], None]) -> None:
        self.has_beaten = False
        self.is_due = True
        self._loop = asyncio.get_running_loop()
        self._pause = seconds / (LOOKS + 1)
        self._silent = 0  # looks since something has happened
        self._wake = wake
        self._handle = self._loop.call_later(self._pause, self._look)

    def stop(self) -> None:
        self._handle.cancel()

    def _look(self) -> None:
        self._silent = 0 if self.has_beaten else self._silent + 1
        self.has_beaten = False
        if self._silent >= LOOKS:
            self._silent = 0
            self.is_due = True
            self._wake()
        self._handle = self._loop.call_later(self._pause, self._look)
