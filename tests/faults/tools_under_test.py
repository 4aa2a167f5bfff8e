"""Tools with effects that can be counted afterwards: each writes a line when it begins and one when it is done.

A call takes its seconds the first time; under the same key again it is done at once, unless it is told otherwise.
"""

import asyncio
import os
from pathlib import Path

from tools.base import ToolContext, tool


async def _act(name: str, order: str, context: ToolContext, seconds: float, again_seconds: float = 0) -> str:
    begin = f"{order} {name} begin {context.idempotency_key}"
    again = _has_written(begin)
    _write(begin)
    await asyncio.sleep(again_seconds if again else seconds)
    _write(f"{order} {name} done {context.idempotency_key}")
    return f"{name} done"


def _has_written(line: str) -> bool:
    return line in Path(os.environ["EFFECTS_FILE"]).read_text()


def _write(line: str) -> None:
    with Path(os.environ["EFFECTS_FILE"]).open("a") as lines:
        lines.write(line + "\n")


@tool(replay="unsafe")
async def charge(order: str, seconds: float, context: ToolContext, again_seconds: float = 0) -> str:
    """Take money: never twice."""
    return await _act("charge", order, context, seconds, again_seconds)


@tool(replay="idempotent")
async def book(order: str, seconds: float, context: ToolContext) -> str:
    """Book under a key: again under the same key changes nothing."""
    return await _act("book", order, context, seconds)


@tool(replay="safe")
async def look(order: str, seconds: float, context: ToolContext) -> str:
    """Look something up."""
    return await _act("look", order, context, seconds)
