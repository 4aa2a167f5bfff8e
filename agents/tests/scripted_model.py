"""A ChatModel that plays turns from a list: it can stall, fail, be closed and be cancelled. It keeps what it was asked.

A turn is a list of steps: text becomes a TextDelta, tool calls are collected for the TurnEnd, an exception is raised,
an asyncio.Event is waited for, and any other delta is told as it is. A turn without a TurnEnd gets one, unless it
ends with CUT.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from agents.events import AnyEvent
from agents.llm.base import ModelDelta, ModelRequest, TextDelta, TurnEnd
from agents.messages import AssistantMessage, ModelMessage, ToolCall, ToolMessage
from agents.streaming_agent import StreamingAgent

CUT = object()
Step = str | ToolCall | ModelDelta | Exception | asyncio.Event | object


class ScriptedModel:
    """`requests` is what it was asked; `open` counts the streams that nobody has closed."""

    def __init__(self, *turns: Sequence[Step]) -> None:
        self.turns = list(turns)
        self.requests: list[ModelRequest] = []
        self.open = 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta, None]:
        assert_history(request.messages[1:])
        self.requests.append(request)
        self.open += 1
        try:
            async with aclosing(self._play(self.turns[len(self.requests) - 1])) as deltas:
                async for delta in deltas:
                    yield delta
        finally:
            self.open -= 1

    async def _play(self, turn: Sequence[Step]) -> AsyncGenerator[ModelDelta, None]:
        calls: list[ToolCall] = []
        for step in turn:
            match step:
                case str():
                    yield TextDelta(step)
                case ToolCall():
                    calls.append(step)
                case Exception():
                    raise step
                case asyncio.Event():
                    await step.wait()
                case TurnEnd():
                    yield step
                    return
                case _ if step is CUT:
                    return
                case _:
                    yield step  # type: ignore[misc]
        yield TurnEnd(tuple(calls), "tool_calls" if calls else "stop")


def assert_history(messages: Sequence[ModelMessage]) -> None:
    """As strict as the strictest provider: right after an assistant's calls, exactly one tool message for each."""
    asked: list[str] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            assert message.tool_call_id in asked, f"{message} answers no open call"
            asked.remove(message.tool_call_id)
        else:
            assert not asked, f"{message} comes while {asked} have no answer"
        if isinstance(message, AssistantMessage):
            asked = [call.id for call in message.tool_calls]
            assert len(set(asked)) == len(asked), f"{asked} are not unique"
    assert not asked, f"{asked} have no answer"


async def ask(agent: StreamingAgent, message: str = "Go") -> list[AnyEvent]:
    """All events of one answer."""
    async with aclosing(agent.stream(message)) as events:
        return [event async for event in events]
