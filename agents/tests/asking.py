"""Asking a chat model one turn, and reading what it said."""

import asyncio
import time
from contextlib import aclosing
from typing import Any

from agents.errors import ModelError
from agents.llm.base import ChatModel, ModelDelta, ModelRequest, ReasoningDelta, Retry, TextDelta, TurnEnd
from agents.messages import ToolCall, UserMessage


async def ask(model: ChatModel, message: str = "Hello", /, **fields: Any) -> list[ModelDelta]:
    """Return all deltas of one turn. `fields` are those of ModelRequest."""
    request = ModelRequest(**{"model": "scripted", "messages": (UserMessage(message),), **fields})
    async with aclosing(model.stream(request)) as deltas:
        return [delta async for delta in deltas]


async def ask_and_fail(model: ChatModel, message: str = "Hello") -> tuple[list[ModelDelta], ModelError]:
    """Return what a turn said before it failed, and its error."""
    deltas: list[ModelDelta] = []
    try:
        async for delta in model.stream(ModelRequest("scripted", (UserMessage(message),))):
            deltas.append(delta)  # noqa: PERF401  # a comprehension would lose what came before the error
    except ModelError as failure:
        return deltas, failure
    raise AssertionError(f"the model did not fail: {deltas}")


def text(deltas: list[ModelDelta]) -> str:
    return "".join(delta.content for delta in deltas if isinstance(delta, TextDelta))


def reasoning(deltas: list[ModelDelta]) -> str:
    return "".join(delta.content for delta in deltas if isinstance(delta, ReasoningDelta))


def retries(deltas: list[ModelDelta]) -> list[Retry]:
    return [delta for delta in deltas if isinstance(delta, Retry)]


def end(deltas: list[ModelDelta]) -> TurnEnd:
    """Return the last delta, which is the only TurnEnd."""
    ends = [delta for delta in deltas if isinstance(delta, TurnEnd)]
    assert ends == deltas[-1:]
    return ends[0]


def calls(deltas: list[ModelDelta]) -> tuple[ToolCall, ...]:
    return end(deltas).tool_calls


async def until(condition: Any, seconds: float = 1.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110  # the condition is the provider's
        await asyncio.sleep(0.002)
    assert condition()
