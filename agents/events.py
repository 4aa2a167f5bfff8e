"""THE events: what a run can say, spelled once. SSE, WebSocket, schema, journal and page all read this module.

An event is made without `seq` and `timestamp`; the journal fills them in when it stores the event.
"""

from typing import Any, ClassVar, Literal

import msgspec

from agents.errors import ErrorCode

ToolCallStatus = Literal[
    "pending", "awaiting_approval", "executing", "completed", "failed", "cancelled", "outcome_unknown"
]


class ToolCallState(msgspec.Struct, kw_only=True):
    """A tool call as clients see it. `execution_time_ms` is in milliseconds; `result` is any JSON value."""

    id: str
    name: str
    arguments: dict[str, Any]
    status: ToolCallStatus
    result: Any = None
    error: str | None = None
    execution_time_ms: int | None = None


class Usage(msgspec.Struct, kw_only=True):
    """Tokens of a run, over all its model turns; `estimated` where the provider did not count."""

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            estimated=self.estimated or other.estimated,
        )


class Event(msgspec.Struct, kw_only=True, tag_field="event_type"):
    """What every event carries. `seq` counts 1, 2, 3 … within its run; `timestamp` is ISO 8601, UTC."""

    terminal: ClassVar[bool] = False

    seq: int = 0
    timestamp: str = ""


class RunStarted(Event, tag="run_started"):
    """The first event of a run."""

    run_id: str
    conversation_id: str
    agent_name: str
    model: str


class ChatChunk(Event, tag="chat_chunk"):
    """A piece of the answer's text; all of them together are the text so far."""

    content: str


class ReasoningChunk(Event, tag="reasoning_chunk"):
    """A piece of the model's reasoning, which is not part of the answer."""

    content: str


class ToolCallStart(Event, tag="tool_call_start"):
    """A tool call has started. All starts of a round come before its first result."""

    tool_call: ToolCallState


class ToolCallComplete(Event, tag="tool_call_complete"):
    """A tool call has finished; `tool_call` carries the result."""

    tool_call: ToolCallState


class ToolCallError(Event, tag="tool_call_error"):
    """A tool call has failed; `tool_call` carries the error. The run goes on."""

    tool_call: ToolCallState


class ModelRetry(Event, tag="model_retry"):
    """The provider failed before its first token and is asked again after `delay_ms` milliseconds."""

    attempt: int
    error_code: ErrorCode
    delay_ms: int


class RunResumed(Event, tag="run_resumed"):
    """Another process goes on with a run. Text after `discard_after_seq` is void and told again."""

    attempt: int
    discard_after_seq: int


class ChatComplete(Event, tag="chat_complete"):
    """The run has ended well. Times are in milliseconds since the run began."""

    terminal: ClassVar[bool] = True

    final_response: str
    total_tool_calls: int
    run_id: str = ""
    conversation_id: str = ""
    finish_reason: str = "stop"
    usage: Usage = msgspec.field(default_factory=Usage)
    duration_ms: int = 0
    first_token_ms: int | None = None


class ChatCancelled(Event, tag="chat_cancelled"):
    """The run was stopped by its owner; `partial_response` is the text that it had written."""

    terminal: ClassVar[bool] = True

    partial_response: str = ""
    total_tool_calls: int = 0
    run_id: str = ""
    conversation_id: str = ""
    usage: Usage = msgspec.field(default_factory=Usage)
    duration_ms: int = 0


class Error(Event, tag="error"):
    """The run has failed."""

    terminal: ClassVar[bool] = True

    error_message: str
    error_code: ErrorCode
    run_id: str = ""
    conversation_id: str = ""


ToolEvent = ToolCallStart | ToolCallComplete | ToolCallError
AnyEvent = (
    RunStarted | ChatChunk | ReasoningChunk | ToolEvent | ModelRetry | RunResumed | ChatComplete | ChatCancelled | Error
)
EVENT_TYPES: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in AnyEvent.__args__}
TERMINAL_EVENT_TYPES = frozenset(name for name, kind in EVENT_TYPES.items() if kind.terminal)
