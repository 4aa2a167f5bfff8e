import asyncio
import threading
import time

import pytest

from tools.base import Tool, tool
from tools.execution import MAX_THREADS, THREADS


@pytest.fixture
def gate():
    """Plain functions wait here until the test is over."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def stuck(gate) -> Tool:
    @tool
    def stuck() -> None:
        """Wait for the gate."""
        gate.wait(10)

    return stuck


async def test_a_plain_function_meets_its_deadline(run, stuck):
    result = await run(stuck, timeout=0.05)
    assert result.error == "stuck timed out after 0.05 s"


async def test_a_pool_full_of_stuck_threads_is_an_error_in_bounded_time_and_heals(run, stuck, gate):
    ran = []

    @tool
    def quick() -> str:
        """Answer at once."""
        ran.append(1)
        return "here"

    results = await asyncio.gather(*(run(stuck, timeout=0.1) for _ in range(MAX_THREADS)))
    assert {result.error for result in results} == {"stuck timed out after 0.1 s"}

    started = time.perf_counter()
    result = await run(quick, timeout=0.1)
    assert result.error == "quick timed out after 0.1 s: it never started, as all 16 threads for tools are busy"
    assert time.perf_counter() - started < 1

    gate.set()
    assert (await run(quick)).value == "here"
    assert ran == [1]  # the call that never started was taken out of the queue


async def test_async_tools_run_while_all_threads_are_stuck(run, stuck):
    @tool
    async def quick() -> str:
        """Answer at once."""
        return "here"

    waiting = [asyncio.create_task(run(stuck, timeout=0.2)) for _ in range(MAX_THREADS)]
    await asyncio.sleep(0.01)
    assert (await run(quick)).value == "here"
    await asyncio.gather(*waiting)


async def test_plain_functions_run_side_by_side_but_no_more_than_there_are_threads(run):
    together, most, lock = 0, 0, threading.Lock()

    @tool
    def count() -> None:
        """Count who is here."""
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.02)
        with lock:
            together -= 1

    await asyncio.gather(*(run(count) for _ in range(MAX_THREADS + 4)))
    assert 1 < most <= MAX_THREADS
    assert THREADS._max_workers == MAX_THREADS


async def test_cancelling_does_not_wait_for_the_thread(run, stuck):
    call = asyncio.create_task(run(stuck, timeout=5))
    await asyncio.sleep(0.02)
    started = time.perf_counter()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert time.perf_counter() - started < 0.5
