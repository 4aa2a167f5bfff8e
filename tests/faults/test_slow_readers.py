"""Promise 9: readers that stop reading, and bodies that are too large, cost nothing."""

import asyncio
import json
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil
import pytest

from tests.faults import messages
from tests.faults.checker import History, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.figures import record
from tests.faults.person import TRANSPORTS, Person
from tests.faults.reader import Reader
from tests.faults.sizes import IS_FULL, SIZES
from tests.faults.stalled_reader import StalledReader
from tests.product import Product, Products

MEBIBYTE = 1024 * 1024
STALLED_MEBIBYTES, BODY_MEBIBYTES = 100, 10
KEPT_BYTES = 192 * 1024
SLOWER = 1.2
BODY = 50 * MEBIBYTE
STALL_SECONDS = 60


def memory(server: Product) -> float:
    """Resident memory in MiB."""
    return float(psutil.Process(server.pid).memory_info().rss / MEBIBYTE)


def kept_by_system(server: Product) -> list[int]:
    """Of each connection on which clients have yet to take something, how many bytes that is beside what we keep."""
    connections = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [each for each in connections if int(each[1].partition(":")[2], 16) == server.port]
    return [size for each in ours if (size := int(each[4].partition(":")[0], 16))]


@pytest.fixture
def twin(alone: Cluster, products: Products, fault_settings: dict[str, object]) -> Iterator[Product]:
    """A process like the one that is alone, on a database of its own: what it does at the same time is the measure."""
    before = len(products)
    yield products.serve("sqlite", **fault_settings)
    products.end(since=before)


async def healths(person: Person, *servers: Product) -> list[float]:
    """Of each server, the median of the milliseconds until `/health` has answered. They are asked in turn."""
    took: list[list[float]] = [[] for _ in servers]
    for _ in range(SIZES.slow_looks):
        for server, times in zip(servers, took, strict=True):
            began = time.monotonic()
            await person.get("/health", server=server)
            times.append((time.monotonic() - began) * 1000)
    return [median(times) for times in took]


async def delays(person: Person, *servers: Product) -> list[float]:
    """The same of the time from an event's timestamp until its reader has it. The readers read at the same time."""

    async def follow(server: Product) -> float:
        run_id = await person.start(messages.paced("healthy", SIZES.slow_words, 20), server=server)
        took = []
        async for each in person.follow(run_id, 0, server=server):
            told = datetime.fromisoformat(json.loads(each.body)["timestamp"])
            took.append((datetime.now(UTC) - told).total_seconds() * 1000)
        return median(took)

    return list(await asyncio.gather(*map(follow, servers)))


@asynccontextmanager
async def stalled_readers(server: Product, run_id: str, bearer: str) -> AsyncIterator[list[StalledReader]]:
    """Half of them on sockets."""
    with ExitStack() as stack:
        readers = []
        for number in range(SIZES.slow_readers):
            reader = await asyncio.to_thread(StalledReader, server, run_id, bearer, by_socket=bool(number % 2))
            readers.append(stack.enter_context(reader))
        assert all(reader.first for reader in readers)
        yield readers


async def test_readers_that_stop_reading_cost_no_memory_and_delay_nobody(alone: Cluster, hermit: Person, twin: Product):
    server = alone.first
    run_id = await hermit.start(f"large:{uuid.uuid4()}:{SIZES.slow_journal_bytes}")
    await hermit.ended(run_id)
    for transport in TRANSPORTS:
        await Reader(hermit, run_id, transport, transport=transport).read()
    await delays(hermit, server)  # what is written meanwhile lets the database's caches of the large run go
    before = memory(server)
    async with stalled_readers(server, run_id, hermit.bearer["Authorization"]) as stalled:
        reading = await Reader(hermit, run_id, "healthy").read()
        looks = {"/health": await healths(hermit, server, twin), "an event": await delays(hermit, server, twin)}
        grown, kept = memory(server) - before, kept_by_system(server)
        assert len(kept) >= len(stalled), "they were cut while it was measured what they cost"
        if IS_FULL:
            await asyncio.sleep(STALL_SECONDS + 10)
            assert all([await asyncio.to_thread(reader.is_cut) for reader in stalled])
    assert broken(History(await hermit.journal(run_id), [reading])) + unfinished([reading]) == []
    assert grown <= STALLED_MEBIBYTES
    assert max(kept) <= KEPT_BYTES
    record(9, f"{len(stalled)} readers stalled in a journal of {SIZES.slow_journal_bytes / 1e6:.0f} MB: "
              f"RSS {grown:+.0f} MiB, {sum(kept) / MEBIBYTE:.0f} MiB in socket buffers, {told(looks)}")  # fmt: skip
    if IS_FULL:
        assert all(here <= SLOWER * there for here, there in looks.values()), looks


def told(looks: dict[str, list[float]]) -> str:
    here, there = (", ".join(f"{what} p50 {ms[at]:.1f} ms" for what, ms in looks.items()) for at in (0, 1))
    return f"{here}; at the same time without them: {there}"


def post_large(server: Product, bearer: str) -> bytes:
    """Send a body of 50 MiB, as long as the server takes it; the first line of the answer."""
    head = f"POST /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {bearer}\r\nContent-Length: {BODY}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        try:
            client.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode())
            for _ in range(BODY // MEBIBYTE):
                client.sendall(b"x" * MEBIBYTE)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return client.recv(4096).partition(b"\r\n")[0]


async def test_a_body_that_is_too_large_is_refused_and_not_kept(alone: Cluster, hermit: Person):
    before = memory(alone.first)
    answers = await asyncio.gather(
        *(asyncio.to_thread(post_large, alone.first, hermit.bearer["Authorization"]) for _ in range(3))
    )
    grown = memory(alone.first) - before
    assert {answer.split()[1] for answer in answers} == {b"413"}
    assert grown < BODY_MEBIBYTES
    record(9, f"3 POSTs of 50 MiB at once: 413, RSS +{max(grown, 0):.1f} MiB")
