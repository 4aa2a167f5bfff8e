"""A place where many tasks wait for the same news."""

import asyncio


class Watch:
    """Like asyncio.Event, but a wake-up reaches only those who wait now, and a wait can have a deadline of its own."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def news(self) -> "asyncio.Future[None]":
        """The next wake-up, for one task to await. It may be left alone: the wake-up clears it away."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter

    async def wait(self, seconds: float) -> None:
        """Return at the next wake-up, or after so many seconds."""
        waiter = self.news()
        deadline = asyncio.get_running_loop().call_later(seconds, _expire, waiter)
        try:
            await waiter
        finally:
            deadline.cancel()
            if waiter in self._waiters:
                self._waiters.remove(waiter)


def _expire(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
