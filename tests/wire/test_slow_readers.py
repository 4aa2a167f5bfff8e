"""Readers that stop reading: they cost no memory, and nobody waits for them."""

import asyncio
import contextlib
import socket

import psutil

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.scripts import uses

MIB = 1024 * 1024
READERS = 12


@contextlib.contextmanager
def connection(port: int):
    """A connection whose client takes little at a time."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        yield client


@on_sqlite
async def test_readers_that_stop_reading_cost_no_memory_and_get_everything_later(alice: Client, server):
    await alice.post("/agents/parrot", {"tools": ["repeat"]})
    message = uses(*[("repeat", {"text": "ab", "times": 49_000})] * 100)
    run_id = (await alice.ask(message, agent_name="parrot")).json["run_id"]
    async with alice.follow(run_id) as stream:
        size = sum(len(frame.data) for frame in await stream.rest())
    assert size > 9 * MIB
    request = f"GET /runs/{run_id}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    request += f"Authorization: {alice.headers['Authorization']}\r\n\r\n"
    before = psutil.Process(server.pid).memory_info().rss
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connection(server.port)) for _ in range(READERS)]
        for client in clients:
            client.sendall(request.encode())
        await asyncio.sleep(0.8)
        assert psutil.Process(server.pid).memory_info().rss - before < READERS * size / 4
        assert (await alice.ask("say:Meanwhile", reset_history=True)).json["response"] == "Meanwhile"
        received = await asyncio.to_thread(read_all, clients[0])
    assert received > size


def read_all(client: socket.socket) -> int:
    client.settimeout(20)
    total = 0
    while piece := client.recv(MIB):
        total += len(piece)
    return total
