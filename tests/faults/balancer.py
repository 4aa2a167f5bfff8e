"""A load balancer as a deploy has one: each connection goes to the next process that says that it is ready."""

import asyncio
from itertools import count
from typing import Self

from tests.faults.cluster import Cluster
from tests.product import Product

LOOK_SECONDS = 0.1
PIECE = 64 * 1024


class Balancer:
    """Passes bytes on and knows nothing of sessions. Use it as an async context manager."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._ready: list[Product] = []
        self._turns = count()
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def __aenter__(self) -> Self:
        await self._look()
        self._looking = asyncio.create_task(self._keep_looking())
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in (self._looking, *self._connections):
            task.cancel()
        await asyncio.gather(self._looking, *self._connections, return_exceptions=True)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        servers = list(self._cluster.servers)
        ready = await asyncio.gather(*(asyncio.to_thread(server.is_ready) for server in servers))
        self._ready = [server for server, is_ready in zip(servers, ready, strict=True) if is_ready]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):  # a side that has gone is what clients of a balancer see
            pass
        finally:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._ready:
            return
        server = self._ready[next(self._turns) % len(self._ready)]
        from_server, to_server = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            asking = asyncio.create_task(pass_on(reader, to_server))
            await pass_on(from_server, writer)
            asking.cancel()
        finally:
            to_server.transport.abort()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the sender ends, no faster than the receiver takes it."""
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
