import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tools.base import Tool, ToolContext
from tools.execution import ToolResult, execute
from tools.tests.data_server import DataServer

Run = Callable[..., Awaitable[ToolResult]]


@pytest.fixture
async def server() -> AsyncIterator[DataServer]:
    server = DataServer()
    runner = await server.start()
    yield server
    await runner.cleanup()


@pytest.fixture
def dead_url() -> str:
    """The address of a port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def run() -> Run:
    """Run a tool as the loop does; the deadline is in seconds."""

    async def run(tool: Tool, arguments: Any = "{}", *, timeout: float = 5, **options: Any) -> ToolResult:
        context = ToolContext(call_id="call_1", idempotency_key="run_1:call_1")
        return await execute(tool, arguments, timeout=timeout, context=context, **options)

    return run
