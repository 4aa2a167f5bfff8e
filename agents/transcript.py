"""What a run has said and done so far: the loop's only state, owned by whoever runs the loop."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.events import ChatChunk, ReasoningChunk, Usage
from agents.limits import Limits
from agents.llm.base import ReasoningDelta, TextDelta, TurnEnd
from agents.messages import AssistantMessage, ModelMessage, SystemMessage, ToolCall, ToolMessage, UserMessage

CHARS_PER_TOKEN = 4  # a rule of thumb for English, used only where the provider does not count
NOT_RUN = "The call was stopped before it finished; its outcome is unknown."


@dataclass(slots=True)
class Transcript:
    """The messages of the conversation (without instructions), and what this run has added to them.

    `key` names the run; tools get it as part of their idempotency key. `announced` holds the ids of calls whose start
    has been told already, by an earlier attempt at the same run. Times are monotonic seconds.
    """

    messages: list[ModelMessage]
    key: str = ""
    usage: Usage = field(default_factory=Usage)
    finish_reason: str = "stop"
    tool_calls: int = 0
    announced: set[str] = field(default_factory=set)
    started_at: float = field(default_factory=time.monotonic)
    first_token_at: float | None = None
    _answer: list[str] = field(default_factory=list)
    _answer_chars: int = 0
    _turn: list[str] | None = None
    _reasoning: list[str] = field(default_factory=list)
    _prompt_chars: int = 0
    _used: Usage | None = None  # what the open turn has used, where it is known

    @property
    def answer(self) -> str:
        """The text of all chunks so far."""
        return "".join(self._answer)

    @property
    def open_text(self) -> str:
        """The text of the turn that has not ended."""
        return "".join(self._turn or ())

    @property
    def open_reasoning(self) -> str:
        return "".join(self._reasoning)

    @property
    def duration_ms(self) -> int:
        return round((time.monotonic() - self.started_at) * 1000)

    @property
    def first_token_ms(self) -> int | None:
        return None if self.first_token_at is None else round((self.first_token_at - self.started_at) * 1000)

    @property
    def rounds(self) -> int:
        """How many turns the model has finished since the person's last message."""
        count = 0
        for message in reversed(self.messages):
            if isinstance(message, UserMessage):
                break
            count += isinstance(message, AssistantMessage)
        return count

    def restore_answer(self, text: str) -> None:
        """Put back the text that earlier attempts at this run have told for good."""
        self._answer, self._answer_chars = ([text], len(text)) if text else ([], 0)

    def unanswered_calls(self) -> tuple[ToolCall, ...]:
        """The calls of the last turn that have no tool message yet."""
        answered: set[str] = set()
        for message in reversed(self.messages):
            if isinstance(message, ToolMessage):
                answered.add(message.tool_call_id)
            elif isinstance(message, AssistantMessage):
                return tuple(call for call in message.tool_calls if call.id not in answered)
            else:
                break
        return ()

    def is_answered(self) -> bool:
        """Whether the model's last turn asked for nothing more."""
        return bool(self.messages) and isinstance(self.messages[-1], AssistantMessage)

    def open_turn(self, system: SystemMessage) -> None:
        self._turn, self._reasoning, self._used = [], [], None
        self._prompt_chars = len(system.content) + sum(_length(message) for message in self.messages)

    def take(self, delta: TextDelta | ReasoningDelta, limits: Limits) -> ChatChunk | ReasoningChunk:
        """Note a piece of the turn, and return its event. Raises ModelError when the run has said too much."""
        if self.first_token_at is None:
            self.first_token_at = time.monotonic()
        content = delta.content
        self._answer_chars += len(content)
        limits.check_output(self._answer_chars)
        if isinstance(delta, ReasoningDelta):
            self._reasoning.append(content)
            return ReasoningChunk(content=content)
        assert self._turn is not None, "a turn is opened before its text comes"  # noqa: S101 - for the type checker
        if not self._turn and self._answer:
            self._answer.append("\n\n")  # the text of a later round begins a paragraph of its own
            self._turn.append(content)
            self._answer.append(content)
            return ChatChunk(content="\n\n" + content)
        self._turn.append(content)
        self._answer.append(content)
        return ChatChunk(content=content)

    def end_turn(self, end: TurnEnd, limits: Limits) -> None:
        """Close the turn: its message joins the history. Raises ModelError when it asks for too much."""
        text, reasoning = self.open_text, self.open_reasoning
        self._used = end.usage or self._estimate(len(text) + len(reasoning), end.tool_calls)
        self._check_calls(end.tool_calls, limits)
        self.messages.append(AssistantMessage(content=text, tool_calls=end.tool_calls, reasoning=reasoning))
        self.usage += self._used
        self.finish_reason = end.finish_reason or "stop"
        self.tool_calls += len(end.tool_calls)
        self._turn, self._reasoning = None, []

    def break_off(self) -> None:
        """Close what is open after a stop or a failure, so that the history stays one that a provider accepts."""
        for call in self.unanswered_calls():
            self.messages.append(ToolMessage(tool_call_id=call.id, content=NOT_RUN))
        if self._turn is None:
            return
        if self._turn or self._reasoning:
            self.messages.append(AssistantMessage(content=self.open_text, reasoning=self.open_reasoning))
        self.usage += self._used or self._estimate(len(self.open_text) + len(self.open_reasoning), ())
        self._turn, self._reasoning = None, []

    def _check_calls(self, calls: tuple[ToolCall, ...], limits: Limits) -> None:
        limits.check_calls(self.tool_calls + len(calls))
        for call in calls:
            limits.check_arguments(len(call.arguments))

    def _estimate(self, output_chars: int, calls: tuple[ToolCall, ...]) -> Usage:
        output_chars += sum(len(call.name) + len(call.arguments) for call in calls)
        return Usage(
            input_tokens=-(-self._prompt_chars // CHARS_PER_TOKEN),
            output_tokens=-(-output_chars // CHARS_PER_TOKEN),
            estimated=True,
        )


def estimated_tokens(messages: Iterable[ModelMessage]) -> int:
    """About how many tokens these messages are for a model to read."""
    return -(-sum(_length(message) for message in messages) // CHARS_PER_TOKEN)


def _length(message: ModelMessage) -> int:
    calls = message.tool_calls if isinstance(message, AssistantMessage) else ()
    return len(message.content) + sum(len(call.name) + len(call.arguments) for call in calls)
