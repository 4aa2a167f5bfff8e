"""Examples for the schema, one for each operation's usual case."""

import json
from typing import Any

from drf_spectacular.utils import OpenApiExample

from chat.models.tool_call import NOT_HAPPENED

RUN_ID = "01936c4e-7d2a-7c41-9b7e-3f0d5f6c8a10"
CONVERSATION_ID = "01936c4e-7d29-7f33-8a51-6f2b1c9d4e77"
WHEN = "2026-11-22T21:15:03.120Z"
USAGE = {"input_tokens": 312, "output_tokens": 48, "estimated": False}
TOOL_CALL: dict[str, Any] = {
    "id": "call_1f8e",
    "name": "calculate",
    "arguments": {"expression": "15 + 27"},
    "status": "completed",
    "result": {"expression": "15 + 27", "result": 42},
    "error": None,
    "execution_time_ms": 1,
    "decision": None,
    "decided_at": None,
}
RUN_BODY: dict[str, Any] = {
    "id": RUN_ID,
    "conversation_id": CONVERSATION_ID,
    "agent_name": "default",
    "model": "gpt-4.1",
    "status": "completed",
    "attempt": 1,
    "finish_reason": "stop",
    "error": None,
    "usage": USAGE,
    "tool_call_count": 1,
    "first_token_ms": 412,
    "duration_ms": 1890,
    "last_seq": 6,
    "created_at": WHEN,
    "finished_at": WHEN,
}
CONVERSATION_BODY = {
    "id": CONVERSATION_ID,
    "title": "What's 15 + 27?",
    "agent_name": "default",
    "is_current": True,
    "active_run_id": None,
    "created_at": WHEN,
    "updated_at": WHEN,
}
EVENTS: list[dict[str, Any]] = [
    {
        "event_type": "run_started",
        "run_id": RUN_ID,
        "conversation_id": CONVERSATION_ID,
        "agent_name": "default",
        "model": "gpt-4.1",
        "seq": 1,
        "timestamp": WHEN,
    },
    {"event_type": "chat_chunk", "content": "15 + 27 is ", "seq": 2, "timestamp": WHEN},
]


def _answer(name: str, value: Any, **kwargs: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200"], **kwargs)


CHAT_QUESTION = OpenApiExample(
    "A message",
    value={
        "message": "What's the weather in Tokyo and what's 15 + 27?",
        "reset_history": False,
        "parallel_tools": True,
    },
    request_only=True,
)
CHAT_ANSWER = _answer(
    "An answer",
    {
        "response": "15 + 27 is 42.",
        "tool_calls": [TOOL_CALL],
        "conversation_id": CONVERSATION_ID,
        "timestamp": WHEN,
        "run_id": RUN_ID,
        "agent_name": "default",
        "model": "gpt-4.1",
        "finish_reason": "stop",
        "usage": USAGE,
        "duration_ms": 1890,
        "first_token_ms": 412,
    },
)
CHAT_STREAM = _answer(
    "The beginning of a stream",
    "".join(f"id: {RUN_ID}:{event['seq']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS),
    media_type="text/event-stream",
)
RUN = _answer("A run that has ended", RUN_BODY | {"tool_calls": [TOOL_CALL]})
EVENT_PAGE = _answer(
    "A page of events",
    {
        "run_id": RUN_ID,
        "status": "completed",
        "events": EVENTS,
        "next": 2,
    },
    media_type="application/json",
)
CANCELLED_RUN = _answer(
    "A run that was stopped",
    RUN_BODY | {"status": "cancelled", "finish_reason": "cancelled", "tool_calls": [], "stopped": ["answer"]},
)
DECISION = OpenApiExample("It did not happen", value={"decision": "not_happened"}, request_only=True)
DECIDED_CALL = _answer(
    "A call that had no effect",
    TOOL_CALL
    | {
        "name": "place_order",
        "arguments": {"product": "apple", "count": 3},
        "status": "failed",
        "result": None,
        "error": NOT_HAPPENED,
        "execution_time_ms": None,
        "decision": "not_happened",
        "decided_at": WHEN,
    },
)
USAGE_ANSWER = _answer(
    "A day and a month",
    {
        "day": {"begins_at": "2026-11-22T00:00:00Z", "resets_at": "2026-11-23T00:00:00Z", "runs": 2}
        | {"input_tokens": 624, "output_tokens": 96},
        "month": {"begins_at": "2026-11-01T00:00:00Z", "resets_at": "2026-12-01T00:00:00Z", "runs": 31}
        | {"input_tokens": 9480, "output_tokens": 2210},
        "budgets": [
            {"period": "day", "tokens": 100000, "used": 720, "reserved": 0, "remaining": 99280}
            | {"resets_at": "2026-11-23T00:00:00Z"}
        ],
    },
)
NEW_TITLE = OpenApiExample("A new title", value={"title": "Weather and sums"}, request_only=True)
LIVE = _answer("Up", {"status": "live"})
READY = _answer("Ready", {"status": "ready", "checks": {"database": "ok", "redis": "off", "runs": "ok"}})
CONVERSATION = _answer("A conversation", CONVERSATION_BODY)
CONVERSATIONS = _answer("A conversation", CONVERSATION_BODY)
MESSAGES = _answer(
    "A question",
    {
        "id": "01936c4e-7d2a-7a00-8c11-0a5bb0c1d2e3",
        "role": "user",
        "content": "What's 15 + 27?",
        "created_at": WHEN,
        "parent_id": None,
        "run": None,
        "parts": [{"type": "text", "text": "What's 15 + 27?"}],
    },
)
HEALTH = _answer(
    "All is well",
    {
        "status": "healthy",
        "version": "0.1.0",
        "available_tools": ["calculate", "get_stock_price", "get_time", "get_weather", "search_web"],
        "uptime_seconds": 86.2,
        "active_connections": 3,
        "active_runs": 1,
        "model": "gpt-4.1",
        "demo": False,
        "message": "",
        "checks": {"database": "ok", "redis": "off", "runs": "ok"},
    },
)
TICKET = OpenApiExample(
    "A ticket",
    value={"ticket": "4hY1mJt0cXl9…", "expires_at": "2026-11-22T21:15:33.120Z"},
    response_only=True,
    status_codes=["201"],
)
