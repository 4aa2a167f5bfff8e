"""Threads that work for the event loop: results and errors come back, and nothing is left behind."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest

from chat.threads import Threads


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(2, "worker")
    yield threads
    threads.close()


@pytest.fixture
def one() -> Iterator[Threads]:
    one = Threads(1, "one")
    yield one
    one.close()


async def test_what_a_function_returns_or_raises_comes_back(threads):
    assert await threads.run(lambda: 1 + 1) == 2
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)
    assert await threads.run(lambda: threading.current_thread().name) in {"worker_0", "worker_1"}


async def test_as_many_work_at_once_as_there_are(threads):
    together = threading.Barrier(2, timeout=5)
    await asyncio.gather(threads.run(together.wait), threads.run(together.wait))


async def test_one_thread_works_in_the_order_of_what_it_is_given(one):
    done: list[int] = []
    await asyncio.gather(*(one.run(lambda number=number: done.append(number)) for number in range(50)))
    assert done == list(range(50))


async def test_what_nobody_waits_for_any_more_is_left_out_unless_it_has_begun(one):
    begun, go = threading.Event(), threading.Event()
    done: list[str] = []

    def first() -> None:
        begun.set()
        go.wait(5)
        done.append("first")

    running, waiting = one.run(first), one.run(lambda: done.append("second"))
    await asyncio.to_thread(begun.wait, 5)
    running.cancel()
    waiting.cancel()
    go.set()
    await one.run(lambda: None)
    assert done == ["first"]


async def test_a_thread_that_waits_keeps_nothing_of_its_work(one):
    class Large:
        def work(self) -> None:
            raise ValueError("of large")

    large = Large()
    seen = weakref.ref(large)
    with pytest.raises(ValueError, match="of large"):
        await one.run(large.work)
    del large
    await one.run(lambda: None)
    gc.collect()
    assert seen() is None


async def test_a_thread_that_leaves_the_cores_to_others_changes_nobody_else():
    before = os.nice(0)
    has_its_own = sys.platform == "linux"
    modest = Threads(1, "modest", niceness=5)
    try:
        assert await modest.run(lambda: os.nice(0)) == (min(19, before + 5) if has_its_own else before)
    finally:
        modest.close()
    assert os.nice(0) == before


def test_what_was_begun_for_a_loop_that_has_closed_does_no_harm(one):
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(5)

    async def leave() -> None:
        one.run(work)
        begun.wait(5)

    asyncio.run(leave())
    go.set()
    assert asyncio.run(_ask(one)) == 1


async def _ask(threads: Threads) -> int:
    return await threads.run(lambda: 1)


async def test_closed_threads_have_done_their_work_and_begin_again_when_asked(one):
    done: list[int] = []
    given = [one.run(lambda number=number: done.append(number)) for number in range(5)]
    one.close()
    assert done == list(range(5))
    await asyncio.gather(*given)
    assert await one.run(lambda: 1) == 1


def test_a_process_ends_while_its_threads_wait():
    script = (
        "import asyncio; from chat.threads import Threads; threads = Threads(2, 'x')\n"
        "async def ask():\n    print(await threads.run(lambda: 1))\nasyncio.run(ask())"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert (ended.stdout, ended.stderr) == ("1\n", "")
