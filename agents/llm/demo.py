"""The model that answers when no provider is configured: a few rules, at a human pace. It says that it is a demo."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from agents.events import Usage
from agents.llm.base import ModelDelta, ModelRequest, ReasoningDelta, TextDelta, TurnEnd
from agents.llm.demo_answers import reply, report, thought_about
from agents.llm.demo_requests import Wish, wishes
from agents.messages import AssistantMessage, ModelMessage, ToolCall, ToolMessage, UserMessage

PACE = 0.03  # seconds per word
CHARS_PER_TOKEN = 4
MAX_READ = 1000  # characters of a message; its patterns are not linear
WORD = re.compile(r"\s*\S+\s*$|\s*\S+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the demo model has read: the last message, what it asks for, and what has come of it so far."""

    message: str
    calls: list[Wish]  # with the tools at hand
    missing: list[str]  # tools that are asked for and not at hand
    results: list[tuple[ToolCall, str]]
    asked: int  # calls made so far

    @classmethod
    def of(cls, request: ModelRequest) -> "Reading":
        before, since = _split(request.messages)
        names = {tool.name for tool in request.tools}
        wanted = wishes(before)
        made = [call for message in since if isinstance(message, AssistantMessage) for call in message.tool_calls]
        told = {message.tool_call_id: message.content for message in since if isinstance(message, ToolMessage)}
        return cls(
            message=before,
            calls=[wish for wish in wanted if wish.tool in names],
            missing=list(dict.fromkeys(wish.tool for wish in wanted if wish.tool not in names)),
            results=[(call, told[call.id]) for call in made if call.id in told],
            asked=len(made),
        )

    def answer(self) -> str:
        if self.results:
            return report(self.results, missing=self.missing)
        return reply(self.message, missing=self.missing)


class DemoChatModel:
    """A ChatModel that needs no network. `pace` is in seconds per word; 0 sends each text at once."""

    def __init__(self, *, pace: float = PACE) -> None:
        self.pace = pace

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta, None]:
        """Answer one turn: with tool calls, as long as the message asks for some, then with text."""
        reading = Reading.of(request)
        open_calls = reading.calls[reading.asked :]
        if open_calls:
            await asyncio.sleep(self.pace * 3)
            calls = _tool_calls(open_calls if request.parallel_tool_calls else open_calls[:1])
            yield TurnEnd(calls, "tool_calls", _usage(request, "".join(call.arguments for call in calls)))
            return
        thought = "" if reading.results else thought_about(reading.message)
        answer = reading.answer()
        async with aclosing(self._paced(thought, answer)) as deltas:
            async for delta in deltas:
                yield delta
        yield TurnEnd((), "stop", _usage(request, thought + answer))

    async def _paced(self, thought: str, answer: str) -> AsyncGenerator[ModelDelta, None]:
        words: list[ModelDelta] = [ReasoningDelta(word) for word in self._words(thought)]
        words += [TextDelta(word) for word in self._words(answer)]
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number, delta in enumerate(words, 1):
            await asyncio.sleep(start + number * self.pace - loop.time())
            yield delta

    def _words(self, text: str) -> Sequence[str]:
        if not text:
            return ()
        return WORD.findall(text) if self.pace else (text,)


def _split(messages: Sequence[ModelMessage]) -> tuple[str, Sequence[ModelMessage]]:
    """Return the last message of the person, and what came after it."""
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if isinstance(message, UserMessage):
            return message.content[:MAX_READ], messages[place + 1 :]
    return "", ()


def _tool_calls(asked: Sequence[Wish]) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(
            f"call_{uuid.uuid4().hex[:24]}", wish.tool, json.dumps({wish.parameter: wish.argument}, ensure_ascii=False)
        )
        for wish in asked
    )


def _usage(request: ModelRequest, said: str) -> Usage:
    read = sum(len(message.content) for message in request.messages)
    return Usage(
        input_tokens=-(-read // CHARS_PER_TOKEN), output_tokens=-(-len(said) // CHARS_PER_TOKEN), estimated=True
    )
