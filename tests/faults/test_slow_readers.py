"""Promise 9: readers that stop reading, and bodies that are too large, cost nothing."""

import asyncio
import socket
import time
import uuid
from contextlib import ExitStack

import psutil

from tests.faults.checker import History, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.figures import percentile, record
from tests.faults.person import TRANSPORTS, Person
from tests.faults.reader import Reader
from tests.faults.sizes import IS_FULL, SIZES
from tests.faults.stalled_reader import StalledReader
from tests.product import Product

MEBIBYTE = 1024 * 1024
STALLED_MEBIBYTES, BODY_MEBIBYTES = 100, 10
BODY = 50 * MEBIBYTE
STALL_SECONDS = 60
LOOKS = 20


def memory(server: Product) -> float:
    """Resident memory in MiB."""
    return float(psutil.Process(server.pid).memory_info().rss / MEBIBYTE)


async def health_seconds(person: Person) -> list[float]:
    took = []
    for _ in range(LOOKS):
        began = time.monotonic()
        await person.get("/health")
        took.append(time.monotonic() - began)
    return took


async def test_readers_that_stop_reading_cost_no_memory_and_delay_nobody(alone: Cluster, hermit: Person):
    server, bearer = alone.first, hermit.bearer["Authorization"]
    run_id = await hermit.start(f"large:{uuid.uuid4()}:{SIZES.slow_journal_bytes}")
    await hermit.ended(run_id)
    for transport in TRANSPORTS:
        await Reader(hermit, run_id, transport, transport=transport).read()
    usual, before = await health_seconds(hermit), memory(server)
    with ExitStack() as stack:
        stalled = [
            stack.enter_context(
                await asyncio.to_thread(StalledReader, server, run_id, bearer, by_socket=bool(number % 2))
            )
            for number in range(SIZES.slow_readers)
        ]
        assert all(reader.first for reader in stalled)
        reading = await Reader(hermit, run_id, "healthy").read()
        beside, grown = await health_seconds(hermit), memory(server) - before
        if IS_FULL:
            await asyncio.sleep(STALL_SECONDS + 10)
            assert all([await asyncio.to_thread(reader.is_cut) for reader in stalled])
    assert broken(History(await hermit.journal(run_id), [reading])) + unfinished([reading]) == []
    assert grown <= STALLED_MEBIBYTES
    ms = [f"{percentile(took, 50) * 1000:.0f} ms" for took in (usual, beside)]
    record(9, f"{len(stalled)} readers stalled in a journal of {SIZES.slow_journal_bytes / 1e6:.0f} MB: "
              f"RSS +{grown:.0f} MiB, /health p50 {ms[0]} before, {ms[1]} beside them")  # fmt: skip


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
