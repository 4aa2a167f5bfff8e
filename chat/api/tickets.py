"""`POST /ws/ticket`: a WebSocket for browsers of other origins."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chat.api.async_view import AsyncAPIView
from chat.api.examples import TICKET
from chat.api.parsers import check_no_fields
from chat.api.schema import errors
from chat.api.serializers import TicketSerializer
from chat.models import SocketTicket
from chat.runs import current_runs


class TicketView(AsyncAPIView):
    @extend_schema(
        operation_id="ws_ticket",
        summary="A ticket for one WebSocket",
        description="Opens one socket, at `/ws?ticket=…`, as you and with your scopes. It is good once and for 30 "
        "seconds. For pages of other origins (CORS_ALLOWED_ORIGINS) whose backend has an API key: a browser cannot put "
        "a header on a WebSocket.",
        request=None,
        responses={201: TicketSerializer, **errors(400, 401, 403, 413, 415, 503)},
        examples=[TICKET],
        tags=["chat"],
    )
    async def post(self, request: Request) -> Response:
        check_no_fields(request)
        caller = self.caller

        def issue() -> dict[str, object]:
            ticket, expires_at = SocketTicket.objects.issue(
                user_id=caller.user_id, scopes=sorted(caller.scopes), via=caller.via, credential=caller.credential
            )
            return {"ticket": ticket, "expires_at": expires_at}

        return Response(TicketSerializer(await current_runs().write(issue)).data, status=201)
