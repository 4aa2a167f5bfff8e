"""Promise 11: readers at rest cost a cursor each, no thread and no database connection, and leave nothing behind."""

import asyncio
import json
import time
from contextlib import aclosing
from statistics import linear_regression
from urllib.parse import urlsplit

import psutil
import psycopg

from tests.faults import messages
from tests.faults.cluster import Cluster
from tests.faults.figures import record
from tests.faults.person import Person, Transport
from tests.faults.sizes import IS_FULL, SIZES
from tests.faults.waiting import until
from tests.product import Product

THREADS, POOL, LEFT_OVER = 40, 12, 2
MEBIBYTE = 1024 * 1024
LOADERS = 4
AT_ONCE = 20
SLOPE_SECONDS = 600


def descriptors(server: Product) -> int:
    """Open files and sockets, but for those of the database's pool: it opens and closes connections as it likes."""
    process, database = psutil.Process(server.pid), urlsplit(server.state.database_url).port
    pooled = [each for each in process.net_connections("tcp") if each.raddr and each.raddr.port == database]
    return int(process.num_fds()) - len(pooled)


async def tasks(alice: Person, server: Product) -> int:
    return int(json.loads(await alice.get("/fault/tasks", server=server))["tasks"])


def connections(server: Product) -> int:
    """PostgreSQL connections of the whole cluster's database."""
    url = server.state.database_url
    with psycopg.connect(url) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


async def settled(server: Product) -> int:
    """File descriptors when nothing moves: connections close for a moment more."""
    counts = [descriptors(server)]

    async def is_still() -> bool:
        counts.append(descriptors(server))
        return len(counts) > 4 and len(set(counts[-4:])) == 1

    await until(is_still, every=0.5)
    return counts[-1]


class Idlers:
    """Readers of a run in which nothing happens: each has had the first event and stays."""

    def __init__(self, alice: Person, run_id: str, server: Product) -> None:
        self._alice, self._run_id, self._server = alice, run_id, server
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self, count: int, transport: Transport) -> None:
        for _ in range(count):
            await self._slots.acquire()
            self._tasks.append(asyncio.create_task(self._stay(transport)))
        for _ in range(AT_ONCE):
            await self._slots.acquire()
        for _ in range(AT_ONCE):
            self._slots.release()

    async def _stay(self, transport: Transport) -> None:
        follow = self._alice.follow(self._run_id, 0, server=self._server, transport=transport)
        async with aclosing(follow) as events:
            assert (await anext(events)).seq == 1
            self._slots.release()
            async for _ in events:
                pass

    @property
    def here(self) -> int:
        return sum(not task.done() for task in self._tasks)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_idle_readers_hold_no_threads_and_no_connections(cluster: Cluster, alice: Person):
    server = cluster.servers[0]
    run_id = await alice.start(messages.stalled("idle"), server=server)
    base, working = await settled(server), await tasks(alice, server)
    idlers = Idlers(alice, run_id, server)
    await idlers.come(SIZES.idle_readers, "header")
    await idlers.come(SIZES.idle_readers, "socket")
    threads, pool = psutil.Process(server.pid).num_threads(), connections(server)
    assert (idlers.here, descriptors(server) >= base + 2 * SIZES.idle_readers) == (2 * SIZES.idle_readers, True)
    assert threads <= THREADS
    assert pool <= len(cluster.servers) * POOL
    await idlers.leave()

    async def is_back() -> bool:
        left = (descriptors(server) - base, await tasks(alice, server) - working)
        return max(map(abs, left)) <= LEFT_OVER

    await until(is_back)
    assert (await alice.cancel(run_id, server))["status"] == "cancelled"
    record(11, f"{SIZES.idle_readers} idle SSE + {SIZES.idle_readers} idle WebSockets: {threads} threads, "
               f"{pool} PostgreSQL connections of 2 processes; descriptors and tasks back ±{LEFT_OVER}")  # fmt: skip


async def test_memory_stays_where_it_is_under_load(alone: Cluster, hermit: Person):
    server = psutil.Process(alone.first.pid)
    sizes: list[tuple[float, float]] = []
    began = time.monotonic()

    def goes_on() -> bool:
        return time.monotonic() - began < SIZES.warm_seconds + SIZES.load_seconds

    async def load() -> None:
        while goes_on():
            await hermit.ended(await hermit.start(messages.paced("load", 40, 10)))

    async def watch() -> None:
        while goes_on():
            sizes.append((time.monotonic() - began, server.memory_info().rss / MEBIBYTE))
            await asyncio.sleep(0.5)

    await asyncio.gather(watch(), *(load() for _ in range(LOADERS)))
    warm = [(moment, size) for moment, size in sizes if moment > SIZES.warm_seconds]
    slope = linear_regression(*zip(*warm, strict=True)).slope * SLOPE_SECONDS
    record(11, f"{SIZES.load_seconds:.0f} s of {LOADERS} runs at once, after {SIZES.warm_seconds:.0f} s of the same: "
               f"RSS {warm[-1][1]:.0f} MiB, {slope:+.1f} MiB in {SLOPE_SECONDS} s")  # fmt: skip
    if IS_FULL:
        assert slope < 1
    else:
        assert warm[-1][1] - warm[0][1] < 30
