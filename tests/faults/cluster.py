"""Server processes of one cluster, which tests kill, freeze, stop and start again, each on its own port."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.product import Product, Products


@dataclass
class Cluster:
    """`servers[n]` is the process that has served on the n-th port last; `down` are those that are to be left alone."""

    products: Products
    servers: list[Product]
    settings: dict[str, object]
    down: set[int] = field(default_factory=set)

    @property
    def first(self) -> Product:
        return self.servers[0]

    @property
    def log(self) -> str:
        return "".join(server.log for server in self.servers)

    def pick(self, random_numbers: random.Random) -> Product:
        """Any server that is up, as a load balancer without sticky sessions picks one."""
        up = [server for number, server in enumerate(self.servers) if number not in self.down]
        return random_numbers.choice(up or self.servers)

    async def kill(self, number: int) -> None:
        self.down.add(number)
        await asyncio.to_thread(self.servers[number].kill)

    async def stop(self, number: int) -> int:
        """SIGTERM; the exit code. Clients still come until its port is closed, as they do behind a slow balancer."""
        return await asyncio.to_thread(self.servers[number].stop, seconds=60)

    async def restart(self, number: int) -> None:
        """Start a process where the last one was."""
        old = self.servers[number]
        self.servers[number] = await asyncio.to_thread(
            lambda: self.products.serve(beside=old, port=old.port, **self.settings)
        )
        self.down.discard(number)

    @asynccontextmanager
    async def grown_to(self, count: int) -> AsyncIterator[None]:
        """So many processes for a while; what came for it is stopped afterwards, as a deploy does."""
        usual = len(self.servers)
        for _ in range(usual, count):
            self.servers.append(self.products.launch(beside=self.first, **self.settings))
        for server in self.servers[usual:]:
            await asyncio.to_thread(server.wait_until_ready)
        try:
            yield
        finally:
            for number in range(usual, len(self.servers)):
                await self.stop(number)
            del self.servers[usual:]

    def freeze(self, number: int) -> None:
        self.down.add(number)
        self.servers[number].process.pause()

    def thaw(self, number: int) -> None:
        self.servers[number].process.resume()
        self.down.discard(number)
