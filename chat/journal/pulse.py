"""A reminder for a reader to whom nothing has happened for a while."""

import asyncio
from collections.abc import Callable


class Pulse:
    """Calls `wake` once nothing has happened for so many `seconds`, and again after as many more.

    A timer for each wait would cost more than the wait: there is one, which looks when it fires how late it is.
    """

    __slots__ = ("_handle", "_loop", "_seconds", "_wake", "last")

    def __init__(self, seconds: float, wake: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._wake = wake
        self.last = -seconds  # loop time; at first it is time already
        self._handle = self._loop.call_later(seconds, self._fire)

    @property
    def is_due(self) -> bool:
        return self._loop.time() - self.last >= self._seconds

    def beat(self) -> None:
        """Something has happened."""
        self.last = self._loop.time()

    def stop(self) -> None:
        self._handle.cancel()

    def _fire(self) -> None:
        left = self.last + self._seconds - self._loop.time()
        if left <= 0:
            self._wake()
        self._handle = self._loop.call_later(left if left > 0 else self._seconds, self._fire)
