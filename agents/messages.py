"""What the model reads: values without identity. Ids and parent links are the database's concern (chat.models)."""

from typing import Any

import msgspec


class ToolCall(msgspec.Struct, frozen=True):
    """One call that the model asked for.

    `arguments` is the JSON text of an object, as the model wrote it. `problem` says why the call must not be executed
    (arguments that do not parse, that were cut off, …) and is told to the model instead of a result. `extra` holds
    vendor fields that the provider wants back verbatim.
    """

    id: str
    name: str
    arguments: str = "{}"
    problem: str | None = None
    extra: dict[str, Any] | None = None


class SystemMessage(msgspec.Struct, frozen=True, tag="system", tag_field="role"):
    content: str


class UserMessage(msgspec.Struct, frozen=True, tag="user", tag_field="role"):
    content: str


class AssistantMessage(msgspec.Struct, frozen=True, tag="assistant", tag_field="role"):
    """One turn of the model: its text, its reasoning (never sent back) and the calls that it asked for."""

    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""


class ToolMessage(msgspec.Struct, frozen=True, tag="tool", tag_field="role"):
    """The answer to one tool call; `content` is what the model reads of it."""

    tool_call_id: str
    content: str


ModelMessage = SystemMessage | UserMessage | AssistantMessage | ToolMessage
