"""Promise 8: the database may stall. Nothing that was acknowledged is lost, and new runs are told to come back."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil

from tests.faults import messages
from tests.faults.checker import History, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.reader import Reader
from tests.faults.sizes import SIZES
from tests.postgres import Postgres

RUNS = 8
WORD_SECONDS = 0.05


@contextmanager
def stalled(postgres: Postgres) -> Iterator[None]:
    """Every process of PostgreSQL is stopped: its backends are groups of their own."""
    parent = psutil.Process(postgres.process.pid)
    family = [parent, *parent.children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        yield
    finally:
        for process in family:
            process.resume()


async def check(person: Person, readers: list[Reader]) -> None:
    found = unfinished(reader.reading for reader in readers)
    for reader in readers:
        found += broken(History(await person.journal(reader.run_id), [reader.reading]))
        assert (await person.run(reader.run_id))["status"] == "completed"
    assert not found


async def test_runs_go_on_after_postgresql_has_stalled(cluster: Cluster, alice: Person, postgres: Postgres):
    words = round(SIZES.stalls * (sum(SIZES.calm_seconds) / 2 + 1.25) / WORD_SECONDS)
    runs = [await alice.start(messages.paced(f"stall{number}", words, WORD_SECONDS * 1000)) for number in range(RUNS)]
    readers = [Reader(alice, run_id, f"reader of {run_id}") for run_id in runs]
    reading = [asyncio.create_task(reader.read(within=400)) for reader in readers]
    began = time.monotonic()
    for number in range(SIZES.stalls):
        with stalled(postgres):
            late = asyncio.create_task(alice.start(messages.paced(f"late{number}", 20, 20)))
            await asyncio.sleep(alice.random.uniform(0.5, 2))
        readers.append(Reader(alice, await late, f"late {number}"))
        reading.append(asyncio.create_task(readers[-1].read()))
        await asyncio.sleep(alice.random.uniform(*SIZES.calm_seconds))
    stalling = time.monotonic() - began
    await asyncio.gather(*reading)
    await check(alice, readers)
    record(8, f"PostgreSQL stopped {SIZES.stalls} times for up to 2 s in {stalling:.0f} s under {len(readers)} runs: "
              "0 events lost, 0 failed")  # fmt: skip


@contextmanager
def locked(server_url: str) -> Iterator[None]:
    """Another process, this one, holds SQLite's only write lock."""
    with closing(sqlite3.connect(server_url.removeprefix("sqlite:///"), isolation_level=None, timeout=20)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        yield
        rival.execute("ROLLBACK")


async def test_a_locked_sqlite_refuses_new_runs_for_a_while_and_loses_none(alone: Cluster, hermit: Person):
    runs = [await hermit.start(messages.paced(f"lock{number}", 100, 50)) for number in range(RUNS)]
    readers = [Reader(hermit, run_id, f"reader of {run_id}") for run_id in runs]
    reading = [asyncio.create_task(reader.read()) for reader in readers]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    with locked(alone.first.state.database_url):
        late = asyncio.create_task(hermit.start(messages.paced("late", 20, 20)))
        await asyncio.sleep(SIZES.lock_seconds)
    lock = time.monotonic() - began
    readers.append(Reader(hermit, await late, "late"))
    await asyncio.gather(*reading, readers[-1].read())
    assert hermit.tries[-1] > 1, "the run was to be refused once at least, with 503 and Retry-After"
    await check(hermit, readers)
    record(8, f"SQLite locked for {lock:.0f} s under {RUNS} runs: 0 events lost, new runs got 503 with Retry-After")
