"""Idle sockets: `python -m benchmarks.sockets URL COUNT PID` opens them, and prints the memory of that process."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

import psutil
from websockets.asyncio.client import connect

QUIET = 1.0  # seconds


async def hold(url: str, count: int, pid: int) -> int:
    """The resident memory, in bytes, of the process while so many sockets to it are open."""
    async with AsyncExitStack() as opened:
        for _ in range(count):
            socket = await opened.enter_async_context(connect(url, ping_interval=None))
            await socket.send('{"type": "ping"}')
            await socket.recv()
        await asyncio.sleep(QUIET)
        return int(psutil.Process(pid).memory_info().rss)


if __name__ == "__main__":
    url, count, pid = sys.argv[1:]
    print(json.dumps({"rss": asyncio.run(hold(url, int(count), int(pid)))}))
