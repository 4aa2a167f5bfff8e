"""What drf-spectacular cannot see by itself: the events, the WebSocket's frames, and the errors."""

from typing import Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from agents.api.schema import errors
from agents.errors import ErrorCode
from agents.events import EVENT_TYPES
from chat.requests import Cancel, ChatRequest, Resume

__all__ = ["IDEMPOTENCY_KEY", "LAST_EVENT_ID", "RATE_HEADERS", "STREAM", "Schema", "add_events_and_errors", "errors"]

REF = "#/components/schemas/{name}"
STREAM = OpenApiResponse(
    # Before Open API 3.2, the schema of a stream describes each of its events.
    response={
        "type": "object",
        "required": ["id", "data"],
        "properties": {
            "id": {"type": "string", "description": "`{run_id}:{seq}`, for Last-Event-ID."},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": "#/components/schemas/Event"},
            },
        },
    },
    description="`id: {run_id}:{seq}` and `data: {event}` per event; each event is one of the schema `Event`. "
    "Comments (`: keep-alive`) come every 15 seconds of silence.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key with the same body names the same run: send it again after a lost connection.",
)
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID", str, OpenApiParameter.HEADER, description="`{run_id}:{seq}` of the last event that was seen."
)
RATE_HEADERS = [
    OpenApiParameter(name, int, OpenApiParameter.HEADER, description=description, response=statuses)
    for name, description, statuses in (
        ("RateLimit-Limit", "Messages that may be sent at once (RATE_LIMIT_MESSAGES).", [200, 429]),
        ("RateLimit-Remaining", "Messages that may be sent now.", [200, 429]),
        ("RateLimit-Reset", "Seconds until all of them may be sent again.", [200, 429]),
        ("Retry-After", "Seconds to wait before the message is sent again.", [429, 503]),
    )
]


class Schema(AutoSchema):
    pass


def add_events_and_errors(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A postprocessing hook: the union of events and the WebSocket's messages join the components."""
    schemas = result["components"]["schemas"]
    _, parts = _components(*EVENT_TYPES.values())
    if taken := parts.keys() & schemas.keys():
        raise ValueError(f"Serializers and events share the names {sorted(taken)}: rename the serializers.")
    schemas.update(parts)
    for name in schemas:
        if name.endswith("Request"):
            schemas[name]["additionalProperties"] = False  # a misspelt option is refused
    names = {tag: kind.__name__ for tag, kind in EVENT_TYPES.items()}
    schemas["Event"] = _one_of("One event of a run.", "event_type", names)
    for tag, kind in EVENT_TYPES.items():
        schemas[kind.__name__]["description"] = (kind.__doc__ or "").strip()
        schemas[kind.__name__]["properties"]["event_type"] = {"type": "string", "enum": [tag]}
    _, requests = _components(ChatRequest, Resume, Cancel)
    schemas.update({f"WebSocket{name}": part for name, part in requests.items()})
    schemas.update(_client_frames())
    schemas.update(_server_frames())
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    result["paths"]["/chat"]["post"]["responses"]["200"]["links"] = {
        operation: {"operationId": operation, "parameters": {"run_id": "$response.body#/run_id"}}
        for operation in ("run_retrieve", "run_events", "run_cancel")
    }
    for path, operations in result["paths"].items():
        if not path.startswith("/health"):
            for operation in operations.values():
                _document_access(operation)
    return result


def _document_access(operation: dict[str, Any]) -> None:
    """Either kind of credentials does, and whatever needs some can be asked without them."""
    operation["security"] = [{"apiKey": []}, {"session": []}]
    for status, code in (("401", "unauthenticated"), ("403", "forbidden")):
        body = {"application/json": {"schema": {"$ref": REF.format(name="ErrorResponse")}}}
        operation["responses"].setdefault(status, {"description": f"`{code}`", "content": body})


def _components(*kinds: type[Any]) -> tuple[Any, dict[str, Any]]:
    return msgspec.json.schema_components(kinds, ref_template=REF)


def _one_of(description: str, discriminator: str, names: dict[str, str]) -> dict[str, Any]:
    refs = {tag: REF.format(name=name) for tag, name in names.items()}
    return {
        "description": description,
        "oneOf": [{"$ref": ref} for ref in dict.fromkeys(refs.values())],
        "discriminator": {"propertyName": discriminator, "mapping": refs},
    }


def _client_frames() -> dict[str, Any]:
    payloads = {
        "chat": REF.format(name="WebSocketChatRequest"),
        "resume": REF.format(name="WebSocketResume"),
        "cancel": REF.format(name="WebSocketCancel"),
        "ping": None,
        "disconnect": None,
    }
    frames = {
        f"Client{kind.title()}Frame": _frame([kind], ref, needs_data=ref is not None) for kind, ref in payloads.items()
    }
    for frame in frames.values():
        frame["properties"]["id"] = {"type": "string", "maxLength": 100, "description": "Comes back on what it led to."}
    names = {kind: f"Client{kind.title()}Frame" for kind in payloads}
    return frames | {"WebSocketClientFrame": _one_of("What a client sends on /ws.", "type", names)}


def _server_frames() -> dict[str, Any]:
    """Events of a tool call share a frame, as do errors of runs and of commands; each other event has its own."""
    tool = ["ToolCallStart", "ToolCallComplete", "ToolCallError"]
    frames = {"tool_call": _any_of("tool_call", *tool), "error": _any_of("error", "Error", "CommandError")}
    for tag, kind in EVENT_TYPES.items():
        if kind.__name__ not in (*tool, "Error"):
            frames[tag] = _frame([tag], REF.format(name=kind.__name__))
    for frame in frames.values():
        frame["properties"] |= {"run_id": {"type": "string", "format": "uuid"}, "seq": {"type": "integer"}}
    frames["pong"] = _frame(["pong"], None)
    names = {tag: _server_frame(tag) for tag in frames}
    return {
        **{names[tag]: frame for tag, frame in frames.items()},
        "CommandError": _command_error(),
        "WebSocketServerFrame": _one_of("What the server sends on /ws.", "type", names),
    }


def _server_frame(tag: str) -> str:
    kind = EVENT_TYPES.get(tag)
    return f"Server{kind.__name__ if kind else tag.title().replace('_', '')}Frame"


def _any_of(tag: str, *names: str) -> dict[str, Any]:
    return _frame([tag], None, data={"oneOf": [{"$ref": REF.format(name=name)} for name in names]})


def _command_error() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "A command was refused; the socket stays open.",
        "required": ["error_code", "error_message"],
        "properties": {
            "error_code": {"type": "string", "enum": [code.value for code in ErrorCode]},
            "error_message": {"type": "string"},
            "details": {"type": "object", "additionalProperties": True},
            "retry_after": {"type": "number", "description": "Seconds."},
        },
    }


def _frame(types: list[str], ref: str | None, *, data: Any = None, needs_data: bool = True) -> dict[str, Any]:
    body = {"$ref": ref} if ref else data or {"type": "object"}
    return {
        "type": "object",
        "required": ["type", "data"] if needs_data else ["type"],
        "properties": {"type": {"type": "string", "enum": types}, "data": body},
    }
