"""What waits holds nothing: no thread and no connection to the database."""

import asyncio
from contextlib import AsyncExitStack

import psutil

from tests.product import Product
from tests.wire.client import Client
from tests.wire.rows import select
from tests.wire.scripts import script

STREAMS = 40
QUIET = script(*[{"text": "."}, {"delay": 1.5}] * 5)  # a model that thinks for long


def connections(server: Product) -> int:
    """Open connections of the server to its database: to PostgreSQL, or to the SQLite file."""
    if server.state.database_url.startswith("sqlite"):
        name = server.state.database_url.removeprefix("sqlite:///")
        return sum(file.path == name for file in psutil.Process(server.pid).open_files())
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return int(select(server, query)[0][0])


async def settled(alice: Client) -> tuple[int, int]:
    """Threads and database connections of the server once every pool has what it will have."""
    for _ in range(4):
        await asyncio.gather(*(alice.get("/conversations") for _ in range(8)))
        await asyncio.gather(*(alice.ask("say:Hello", reset_history=True) for _ in range(8)))
    return psutil.Process(alice.server.pid).num_threads(), connections(alice.server)


async def open_one(stack: AsyncExitStack, alice: Client, number: int, turn: asyncio.Semaphore) -> str:
    """Open a stream, and for some of them a socket too, and wait until they have begun; the run's id."""
    async with turn:
        stream = await stack.enter_async_context(alice.stream(QUIET, reset_history=True))
        await stream.until("chat_chunk")
    if number % 3 == 0:
        socket = await stack.enter_async_context(alice.socket())
        await socket.send("resume", {"run_id": stream.run_id})
        await socket.receive()
    return stream.run_id


async def test_idle_streams_and_sockets_hold_no_thread_and_no_connection(alice: Client, server):
    threads, held = await settled(alice)
    async with AsyncExitStack() as stack:
        turn = asyncio.Semaphore(4)
        opened = await asyncio.gather(*(open_one(stack, alice, number, turn) for number in range(STREAMS)))
        assert psutil.Process(server.pid).num_threads() <= threads + 2
        assert connections(server) <= held
        assert (await alice.get("/health")).json["active_connections"] >= STREAMS
        await asyncio.gather(*(alice.post(f"/runs/{run_id}/cancel") for run_id in opened))


async def test_waiting_requests_hold_no_thread_and_no_connection(alice: Client, server):
    threads, held = await settled(alice)
    waiting = []
    for _ in range(16):
        waiting.append(asyncio.create_task(alice.ask("paced:50:60", reset_history=True)))
        await asyncio.sleep(0.06)
    assert psutil.Process(server.pid).num_threads() <= threads + 2
    assert connections(server) <= held
    answers = await asyncio.gather(*waiting)
    assert {answer.status for answer in answers} == {200}
