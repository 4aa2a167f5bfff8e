"""Threads that work for the event loop."""

import asyncio
import atexit
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """So many threads, which take what is given to them in turn. They end with the process, or when they are closed.

    With `niceness` they leave the cores to the others: on Linux, where a thread has its own.

    An executor hands work over through a future and locks of its own, which asyncio has to watch from a future of its
    own: that costs the event loop several times as many calls as this, for each piece of work.
    """

    def __init__(self, count: int, name: str, *, niceness: int = 0) -> None:
        self._count, self._name = count, name
        self._niceness = niceness if sys.platform == "linux" else 0
        self._threads: list[Thread] = []
        self._work: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = SimpleQueue()

    def run(self, function: Callable[[], T]) -> "asyncio.Future[T]":
        """What the function returns or raises. It is left out where the future is cancelled before its turn.

        Only from inside the event loop.
        """
        if len(self._threads) < self._count:
            self._begin()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._work.put((future, function))
        return future

    def close(self) -> None:
        """Wait until all that was given has been done, and end the threads."""
        atexit.unregister(self.close)
        threads, self._threads = self._threads, []
        for _ in threads:
            self._work.put(None)
        for thread in threads:
            thread.join()

    def _begin(self) -> None:
        if not self._threads:
            atexit.register(self.close)
        thread = Thread(target=self._serve, name=f"{self._name}_{len(self._threads)}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _serve(self) -> None:
        if self._niceness:
            with suppress(OSError):  # where it may not, it works as the others do
                os.nice(self._niceness)
        while (work := self._work.get()) is not None:
            _do(*work)
            del work  # a thread that waits keeps nothing


def _do(future: "asyncio.Future[Any]", function: Callable[[], Any]) -> None:
    if future.cancelled():
        return
    result, error = None, None
    try:
        result = function()
    except BaseException as raised:
        error = raised
    try:
        future.get_loop().call_soon_threadsafe(_settle, future, result, error)
    except RuntimeError:  # the loop has been closed: nobody waits
        pass
    finally:
        del future, error  # the error holds this frame, and would so hold itself


def _settle(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
