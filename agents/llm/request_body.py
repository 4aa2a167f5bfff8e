"""A turn as the JSON of `POST /chat/completions`."""

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from agents.llm.base import ModelRequest
from agents.messages import AssistantMessage, ModelMessage, SystemMessage, ToolCall, ToolMessage, UserMessage

FIXED = frozenset({"model", "messages", "stream", "tools", "n"})
UNFIT_FOR_NAMES = re.compile(r"[^a-zA-Z0-9_-]")


def chat_body(request: ModelRequest, refused: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the body. `refused` maps parameters that the provider does not take to the one to use instead, or None."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message, refused) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
        body["parallel_tool_calls"] = request.parallel_tool_calls
    body |= {name: value for name, value in request.settings.items() if name not in FIXED and value is not None}
    for name, instead in refused.items():
        value = body.pop(name, None)
        if instead and value is not None and instead not in refused:
            body.setdefault(instead, value)
    return body


def encode_body(body: Mapping[str, Any]) -> bytes:
    """Encode as UTF-8 JSON. Half a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def vendor_fields(request: ModelRequest) -> set[str]:
    """Return the names of the vendor fields that go back with earlier tool calls."""
    calls = (
        call for message in request.messages if isinstance(message, AssistantMessage) for call in message.tool_calls
    )
    return {name for call in calls for name in call.extra or ()}


def call_ids(request: ModelRequest) -> set[str]:
    """Return the ids of the tool calls of earlier turns."""
    return {
        call.id for message in request.messages if isinstance(message, AssistantMessage) for call in message.tool_calls
    }


def _message(message: ModelMessage, refused: Mapping[str, str | None]) -> dict[str, Any]:
    match message:
        case SystemMessage(content):
            return {"role": "system", "content": content}
        case UserMessage(content):
            return {"role": "user", "content": content}
        case ToolMessage(tool_call_id, content):
            return {"role": "tool", "tool_call_id": tool_call_id, "content": content}
        case AssistantMessage(content, ()):
            return {"role": "assistant", "content": content}
        case AssistantMessage(content, tool_calls):
            calls = [_tool_call(call, refused) for call in tool_calls]
            return {"role": "assistant", "content": content or None, "tool_calls": calls}


def _tool_call(call: ToolCall, refused: Mapping[str, str | None]) -> dict[str, Any]:
    extra = {name: value for name, value in (call.extra or {}).items() if name not in refused}
    # Providers refuse a history that holds a name no tool could have, and a model may have invented one.
    name = UNFIT_FOR_NAMES.sub("_", call.name)[:64]
    function = {"name": name, "arguments": call.arguments, **extra.pop("function", {})}
    return {"id": call.id, "type": "function", "function": function, **extra}
