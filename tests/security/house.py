"""The server under attack, and somebody who goes on using it: what an attacker must not be able to spoil."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import psutil

from tests.product import Product

MIB = 1024 * 1024
HEALTH_SECONDS = 30  # generous: two cores are shared with the attackers
ROOM = 24  # MiB that the server may grow by under one attack, whatever its size


class House:
    def __init__(self, server: Product, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.slowest = 0.0  # seconds that a bystander waited for an answer

    @property
    def bearer(self) -> dict[str, str]:
        return self.server.bearer("alice")

    def memory(self) -> float:
        """MiB that the server holds."""
        return float(psutil.Process(self.server.pid).memory_info().rss) / MIB

    async def is_well(self) -> bool:
        """Ask /health and for an answer, as anybody would."""
        began = time.monotonic()
        timeout = aiohttp.ClientTimeout(HEALTH_SECONDS)
        async with self.session.get(f"{self.server.url}/health", timeout=timeout) as answer:
            healthy = answer.status == 200 and (await answer.json())["status"] == "healthy"
        body = {"message": "say:Hello", "reset_history": True}
        async with self.session.post(
            f"{self.server.url}/chat", json=body, headers=self.bearer, timeout=timeout
        ) as answer:
            told = await answer.json()
        self.slowest = max(self.slowest, time.monotonic() - began)
        return healthy and told.get("response") == "Hello"

    @asynccontextmanager
    async def holds(self) -> AsyncIterator[None]:
        """Under what happens inside, a bystander is served, memory stays bounded, and nothing of ours fails."""
        assert await self.is_well()
        before, told = self.memory(), len(self.server.log)
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
        assert await self.is_well()
        assert self.memory() - before < ROOM, f"{before:.0f} MiB became {self.memory():.0f}"
        assert "Traceback" not in self.server.log[told:], self.server.log[told:]

    async def _watch(self) -> None:
        while True:
            assert await self.is_well()
            await asyncio.sleep(0.2)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.server.port)

    async def send(self, request: bytes, *, seconds: float = 10) -> bytes:
        """Write these bytes; what comes back until the server hangs up, or until the time is over."""
        reader, writer = await self.open()
        writer.write(request.replace(b"KEY", self.bearer["Authorization"].encode()))
        answer = b""
        try:
            async with asyncio.timeout(seconds):
                await writer.drain()
                while piece := await reader.read(65536):
                    answer += piece
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        return answer
