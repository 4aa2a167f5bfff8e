"""Waiting for a fact, with a generous bound: no test here sleeps and hopes."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(fact: Callable[[], Awaitable[bool]], *, within: float = 60, every: float = 0.05) -> None:
    """Return as soon as the fact holds. Times are in seconds."""
    async with asyncio.timeout(within):
        while not await fact():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(every)
