"""What the agent loop asks of a model, whichever it is."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from agents.errors import ErrorCode
from agents.events import Usage
from agents.limits import Limits
from agents.messages import ModelMessage, ToolCall
from tools.base import Tool


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One turn. `settings` are model settings by their OpenAI names (temperature, max_tokens, …).

    `limits` bound what a model collects before it tells it: the calls of a turn, and their arguments.

    `take` is offered text that comes while the caller waits for the next delta. What it takes is not yielded, and the
    caller goes on waiting: waking it for each piece would cost more than what it does. A model need not offer anything.
    """

    model: str
    messages: tuple[ModelMessage, ...]
    tools: tuple[Tool, ...] = ()
    parallel_tool_calls: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    take: "Take | None" = None


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """A piece of the answer. One delta may hold many tokens: whatever one read from the provider brought."""

    content: str


class ReasoningDelta(msgspec.Struct, frozen=True, gc=False):
    content: str


class Retry(msgspec.Struct, frozen=True):
    """The provider failed before its first token; `attempt` (2, 3, …) follows in `delay` seconds."""

    attempt: int
    code: ErrorCode
    delay: float


class TurnEnd(msgspec.Struct, frozen=True):
    """The last delta of a turn. `usage` is None where the provider sent none."""

    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None


ModelDelta = TextDelta | ReasoningDelta | Retry | TurnEnd


class Take(Protocol):
    """Takes text without waking the one it is for. A failure to do so ends the turn, with what was raised."""

    def put(self, delta: TextDelta | ReasoningDelta, more: Callable[[], None]) -> bool | None:
        """Take a piece; None where it is not taken.

        True where what comes after it is not wanted at once: `more` will be called when it is.
        """


class ChatModel(Protocol):
    """A language model. `stream` ends with exactly one TurnEnd, or raises agents.errors.ModelError.

    Closing the generator (or cancelling its task) closes the connection to the provider at once.
    """

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta, None]: ...
