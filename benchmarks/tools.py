"""Tools that the benchmark gives to agents."""

import asyncio
import time

from tools.base import tool


@tool
async def pause(milliseconds: int) -> str:
    """Wait so long."""
    await asyncio.sleep(milliseconds / 1000)
    return "done"


@tool
def burn(milliseconds: int) -> str:
    """Keep a core busy so long, in Python, as a careless tool does."""
    until, rounds = time.monotonic() + milliseconds / 1000, 0
    while time.monotonic() < until:
        rounds += sum(range(100))
    return "done"
