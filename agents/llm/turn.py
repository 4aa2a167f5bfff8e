"""One turn of a model, read from the bytes of its stream. Pure: bytes in, deltas out."""

from collections.abc import Iterable

from agents.errors import ErrorCode, ModelError
from agents.events import Usage
from agents.limits import Limits
from agents.llm.accumulator import ToolCallAccumulator
from agents.llm.base import ModelDelta, ReasoningDelta, TextDelta, TurnEnd
from agents.llm.chunks import ODD, Choice, UsageCounts, decode_leniently, decode_strictly
from agents.llm.failures import BROKE_OFF, told_in_stream
from agents.llm.sse import EventSource, event_source
from agents.llm.thinking import ThinkSplitter

DONE = b"[DONE]"
MOST_TOKENS = 100_000_000  # of one turn


class Turn:
    """Reads a stream to its end.

    `started`: something of the answer has come. `done`: `[DONE]` has come. `chunks` counts the events. A failure waits
    in `failure` until the deltas before it have been taken. `taken` holds the ids of earlier tool calls.
    """

    __slots__ = (
        "_calls", "_deltas", "_events", "_kind", "_pieces", "_taken", "_think", "_usage",
        "chunks", "done", "failure", "finish_reason", "started",
    )  # fmt: skip

    def __init__(self, *, taken: Iterable[str] = (), limits: Limits | None = None) -> None:
        self.started = False
        self.done = False
        self.chunks = 0
        self.finish_reason: str | None = None
        self.failure: ModelError | None = None
        self._events: EventSource | None = None
        self._taken = taken
        self._calls = ToolCallAccumulator(limits=limits)
        self._think = ThinkSplitter()
        self._usage: UsageCounts | None = None
        self._kind: type[TextDelta | ReasoningDelta] = TextDelta
        self._pieces: list[str] = []  # texts of one kind, joined before they leave
        self._deltas: list[ModelDelta] = []

    def feed(self, read: bytes) -> list[ModelDelta]:
        """Return what one read brought: its text in one delta, however many chunks held it."""
        if self._events is None:
            self._events = event_source(read)
        try:
            self._take(self._events.feed(read))
        except ModelError as failure:
            self.failure = failure
        self._join()
        deltas, self._deltas = self._deltas, []
        return deltas

    def finish(self) -> list[ModelDelta]:
        """Return the last deltas and the TurnEnd. Raises ModelError when the stream has broken off."""
        try:
            self._take(self._events.flush() if self._events else [])
        except ModelError as failure:  # half an event at the end
            self.failure = failure
        if self.finish_reason is None and not self.done:
            raise self.failure if self.failure and not self.started else ModelError(ErrorCode.MODEL_ERROR, BROKE_OFF)
        calls = self._calls.finish(cut=self.finish_reason == "length", taken=self._taken)
        if self.finish_reason == "error" and not (self.started or calls):
            raise told_in_stream(None)
        self._join()
        return [*self._deltas, *self._think.flush(), TurnEnd(calls, self.finish_reason, self._counted())]

    def _take(self, payloads: list[bytes]) -> None:
        self.chunks += len(payloads)
        for payload in payloads:
            if payload == DONE:
                self.done = True
                return
            try:
                chunk = decode_strictly(payload)
            except ODD:
                chunk = decode_leniently(payload)
            choices = chunk.choices
            if chunk.usage is not None:
                self._usage = chunk.usage
            if chunk.error or (chunk.message and not choices):
                raise told_in_stream(chunk.error or chunk.message)
            if choices:
                self._take_choice(choices[0])

    def _take_choice(self, choice: Choice) -> None:
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        delta = choice.delta or choice.message
        if delta is None:
            return
        reasoning = delta.reasoning_content or delta.reasoning  # some send both, with the same text
        if reasoning:
            self._say(ReasoningDelta)
            self._pieces.append(reasoning)
        text = delta.content or delta.refusal
        if text:
            self._say(TextDelta)
            self._pieces.append(text)
        if delta.tool_calls:
            self.started = True
            for piece in delta.tool_calls:
                self._calls.add(piece)

    def _say(self, kind: type[TextDelta | ReasoningDelta]) -> None:
        if kind is not self._kind:
            self._join()
            self._kind = kind

    def _join(self) -> None:
        if self._pieces:
            self.started = True
            text = "".join(self._pieces)
            self._pieces.clear()
            self._deltas += [ReasoningDelta(text)] if self._kind is ReasoningDelta else self._think.feed(text)

    def _counted(self) -> Usage | None:
        counts = self._usage
        if counts is None or (counts.prompt_tokens is None and counts.completion_tokens is None):
            return None
        sent, received = counts.prompt_tokens or 0, counts.completion_tokens or 0
        if not (0 <= sent <= MOST_TOKENS and 0 <= received <= MOST_TOKENS):
            return None  # no count of anything
        return Usage(input_tokens=sent, output_tokens=received)
