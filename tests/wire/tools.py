"""Tools that the wire tests give to agents: they wait, fail, and leave a trace."""

import asyncio
import os
import time
from pathlib import Path

from tools.base import ToolContext, tool
from tools.exceptions import ToolError


@tool
async def wait(seconds: float) -> str:
    """Wait so many seconds."""
    await asyncio.sleep(seconds)
    return f"waited {seconds:g} s"


@tool
async def fail(reason: str) -> str:
    """Fail with a reason."""
    raise ToolError(reason)


@tool
async def explode() -> str:
    """Fail in a way that nobody foresaw."""
    raise ZeroDivisionError("secret path /etc/shadow")


@tool
def repeat(text: str, times: int) -> str:
    """Say a text so many times."""
    return text * times


def _note(context: ToolContext, seconds: float) -> None:
    with Path(os.environ["TRACE_FILE"]).open("a") as trace:
        trace.write(context.idempotency_key + "\n")
    time.sleep(seconds)


@tool(replay="safe")
def note(seconds: float, context: ToolContext) -> str:
    """Leave a trace, then work for so many seconds."""
    _note(context, seconds)
    return "noted"


@tool(replay="unsafe")
def pay(seconds: float, context: ToolContext) -> str:
    """Like note, but never to be done twice."""
    _note(context, seconds)
    return "paid"


@tool(requires_approval=True)
def dangerous() -> str:
    """Needs a person's word."""
    return "done"
