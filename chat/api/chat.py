"""`POST /chat` and `POST /chat/stream`."""

import uuid
from typing import Any

import msgspec
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from agents.errors import ErrorCode
from agents.statements import Cursor, db_key, load
from chat import log_context
from chat.access import Caller
from chat.api.async_view import AsyncAPIView
from chat.api.examples import CHAT_ANSWER, CHAT_QUESTION, CHAT_STREAM
from chat.api.parsers import json_body
from chat.api.schema import IDEMPOTENCY_KEY, LAST_EVENT_ID, RATE_HEADERS, STREAM, errors
from chat.api.serializers import ChatRequestSerializer, ChatResponseSerializer, ToolCallSerializer
from chat.database import in_database
from chat.exceptions import Refused, invalid
from chat.extensions import say_piece
from chat.follow import Position, find_run, position
from chat.models import Allowance, Message, Run
from chat.models.allowance import Left
from chat.requests import ChatRequest, check_chat, decode
from chat.runs import Started, current_runs
from chat.sse import event_stream, parse_last_event_id

KEY_LENGTH = 255


class ChatView(AsyncAPIView):
    """Asks, waits for the whole answer, and returns it."""

    @extend_schema(
        operation_id="chat",
        summary="Send a message and wait for the answer",
        description="Waits until the run has ended. Closing the connection does not stop the run: it is stored, and "
        "`GET /runs/{id}` has it. Where the run itself failed, the answer is an error with its code and status.",
        parameters=[IDEMPOTENCY_KEY, *RATE_HEADERS],
        request=ChatRequestSerializer,
        responses={
            200: ChatResponseSerializer,
            **errors(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504),
        },
        examples=[CHAT_QUESTION, CHAT_ANSWER],
        tags=["chat"],
    )
    async def post(self, request: Request) -> HttpResponse:
        current_runs().connections.check_room(self.caller, "request")
        started = await start(self, request)
        log_context.tell_run(started.run_id)
        async with current_runs().connections.held(self.caller, "request"):
            await current_runs().wait(started.run_id)
        body = msgspec.json.encode(await in_database(_answer, self, started))
        return HttpResponse(body, content_type="application/json", headers=_headers(started))


class ChatStreamView(AsyncAPIView):
    """Asks, and streams the run's events."""

    @extend_schema(
        operation_id="chat_stream",
        summary="Send a message and stream the answer",
        description="Server-Sent Events: one event of the run per `data:` line, see the schema `Event`. Closing the "
        "stream does not stop the run. With `Last-Event-ID`, or an `Idempotency-Key` used before, the stream goes on "
        "with the run that it names, and no second one starts.",
        parameters=[IDEMPOTENCY_KEY, LAST_EVENT_ID, *RATE_HEADERS],
        request=ChatRequestSerializer,
        responses={
            (200, "text/event-stream"): STREAM,
            **errors(400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 500, 503),
        },
        examples=[CHAT_QUESTION, CHAT_STREAM],
        tags=["chat"],
    )
    async def post(self, request: Request) -> HttpResponseBase:
        runs, say = current_runs(), say_piece(request._request)
        runs.connections.check_room(self.caller, "stream")
        last_event_id = request._request.META.get("HTTP_LAST_EVENT_ID", "")
        if last_event_id:
            at, left = await in_database(_position_and_left, self.caller, *parse_last_event_id(last_event_id))
            return event_stream(runs, self.caller, at, left.headers, say=say)
        started = await start(self, request)
        if started.attached:
            at = await in_database(position, self.caller, started.run_id, 0)
        else:
            at = Position(started.run_id, started.conversation_id)
        return event_stream(runs, self.caller, at, started.left.headers, say=say)


async def start(view: AsyncAPIView, request: Request) -> Started:
    """Decode a chat request and start its run. Raises Refused."""
    chat = decode(json_body(request), ChatRequest)
    check_chat(chat)
    key = request._request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if len(key) > KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise invalid(f"Idempotency-Key has at most {KEY_LENGTH} printable ASCII characters.", field="Idempotency-Key")
    return await current_runs().start(view.caller, chat, idempotency_key=key)


def _headers(started: Started) -> dict[str, str]:
    return {
        "X-Run-Id": str(started.run_id),
        "X-Conversation-Id": str(started.conversation_id),
        **started.left.headers,
    }


def _position_and_left(caller: Caller, run_id: uuid.UUID, after: int) -> tuple[Position, Left]:
    return position(caller, run_id, after), Allowance.left(Cursor(), caller.user_id)


def _answer(view: AsyncAPIView, started: Started) -> dict[str, Any]:
    """The ended run as an answer. Raises Refused where it failed or was stopped."""
    run = find_run(view.caller, started.run_id)
    ids = {"run_id": str(run.pk), "conversation_id": str(run.conversation_id)}
    if run.status == Run.Status.FAILED:
        raise Refused(ErrorCode(run.error_code), run.error_message, details=ids, retry_after=_retry_after(run))
    text = load(Message, "id = %s", db_key(run.answer_id), only=("content",))[0].content
    if run.status == Run.Status.CANCELLED:
        partial = {"partial_response": text}
        raise Refused(ErrorCode.CANCELLED, "The run was stopped before it had finished.", details=ids | partial)
    return {
        "response": text,
        "timestamp": run.finished_at or timezone.now(),
        **ids,
        "tool_calls": ToolCallSerializer(run.tool_calls.all(), many=True).data if run.tool_call_count else [],
        "agent_name": run.agent_name,
        "model": run.model,
        "finish_reason": run.finish_reason,
        "usage": run.usage,
        "duration_ms": run.duration_ms,
        "first_token_ms": run.first_token_ms,
    }


def _retry_after(run: Run) -> float | None:
    return 5 if ErrorCode(run.error_code).status == 503 else None
