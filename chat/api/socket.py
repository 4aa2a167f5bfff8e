"""`GET /ws` by a client that does not ask for a WebSocket: it is told to. The socket itself is chat.consumers."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from agents.errors import ErrorCode
from chat.api.async_view import AsyncAPIView
from chat.exceptions import Refused


class SocketView(AsyncAPIView):
    required_scope = None

    @extend_schema(exclude=True)
    async def get(self, request: Request) -> None:
        refused = Refused(
            ErrorCode.INVALID_REQUEST,
            "This is a WebSocket: open it with a WebSocket client. `POST /chat/stream` streams over plain HTTP.",
            status=426,
        )
        refused.headers |= {"Upgrade": "websocket", "Connection": "Upgrade"}
        raise refused
