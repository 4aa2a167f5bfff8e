"""`/runs/…`: state, events and cancel."""

import msgspec
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.events import TERMINAL_EVENT_TYPES
from chat.api.async_view import AsyncAPIView
from chat.api.examples import CANCELLED_RUN, EVENT_PAGE, RUN
from chat.api.negotiation import prefers_json
from chat.api.parsers import check_no_fields
from chat.api.schema import LAST_EVENT_ID, STREAM, errors
from chat.api.serializers import CancelledRunSerializer, EventPageSerializer, RunDetailSerializer
from chat.database import in_database
from chat.exceptions import invalid, not_found
from chat.extensions import say_piece
from chat.follow import Position, find_run, parse_after, position
from chat.journal.reading import read_entries
from chat.runs import current_runs
from chat.sse import event_stream, parse_last_event_id

# Made once: to make its fields costs more than to read a run through them, and only the garbage collector finds them.
told = RunDetailSerializer().to_representation
PAGE = 100
MAX_PAGE = 1000
PAGE_BYTES = 1024 * 1024


class RunView(AsyncAPIView):
    @extend_schema(
        operation_id="run_retrieve",
        summary="A run's state, cost and tool calls",
        responses={200: RunDetailSerializer, **errors(401, 403, 404)},
        examples=[RUN],
        tags=["runs"],
    )
    async def get(self, request: Request, run_id: str) -> Response:
        return Response(await in_database(lambda: told(find_run(self.caller, run_id))))


class RunCancelView(AsyncAPIView):
    @extend_schema(
        operation_id="run_cancel",
        summary="Stop a run",
        description="Stops the model and the tools, keeps the text so far, and answers when it has stopped. Asking "
        "again, or for a run that has ended, gives the same answer and changes nothing. It takes no options: a body, "
        "where there is one, is an empty object.",
        request=None,
        responses={200: CancelledRunSerializer, **errors(400, 401, 403, 404, 413, 415, 503)},
        examples=[CANCELLED_RUN],
        tags=["runs"],
    )
    async def post(self, request: Request, run_id: str) -> Response:
        check_no_fields(request)
        run = await in_database(find_run, self.caller, run_id)
        await current_runs().cancel(run.pk)
        return Response(await in_database(lambda: CancelledRunSerializer(find_run(self.caller, run_id)).data))


class RunEventsView(AsyncAPIView):
    @extend_schema(
        operation_id="run_events",
        summary="A run's events, from a cursor on",
        description="Server-Sent Events: the stored events after the cursor, then live, to the terminal event. With "
        "`Accept: application/json`, or one that gives JSON more weight (`q`), one page of stored events.",
        parameters=[
            LAST_EVENT_ID,
            OpenApiParameter("after", {"type": "integer", "minimum": 0}, description="Only events after this `seq`."),
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE},
                description="Events on a JSON page.",
            ),
        ],
        responses={
            (200, "text/event-stream"): STREAM,
            (200, "application/json"): EventPageSerializer,
            **errors(400, 401, 403, 404, 410, 429),
        },
        examples=[EVENT_PAGE],
        tags=["runs"],
    )
    async def get(self, request: Request, run_id: str) -> HttpResponseBase:
        after = parse_after(request.query_params.get("after"))
        last_event_id = request.headers.get("last-event-id", "")
        if last_event_id:
            named, after = parse_last_event_id(last_event_id)
            if str(named) != run_id.lower():
                raise not_found("run")
        at = await in_database(position, self.caller, run_id, after)
        if prefers_json(request.headers.get("accept", "")):
            return await self._page(request, at)
        current_runs().connections.check_room(self.caller, "stream")
        stream = event_stream(current_runs(), self.caller, at, say=say_piece(request._request))
        return stream if request.method != "HEAD" else HttpResponse(headers=dict(stream.headers))

    async def _page(self, request: Request, at: Position) -> HttpResponse:
        limit = _limit(request.query_params.get("limit"))
        entries, _ = await in_database(read_entries, at.run_id, at.after, PAGE_BYTES, limit)
        # There is more to ask for until the terminal event has been told: a page of a running run ends before it.
        more = bool(entries) and entries[-1].event_type not in TERMINAL_EVENT_TYPES
        body = {
            "run_id": str(at.run_id),
            "status": at.status,
            "events": [msgspec.Raw(entry.body) for entry in entries],
            "next": entries[-1].seq if more else None,
        }
        return HttpResponse(msgspec.json.encode(body), content_type="application/json")


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_PAGE):
        raise invalid(f"`limit` is a whole number from 1 to {MAX_PAGE}.", field="limit")
    return int(text)
