from typing import Any

from django.urls import path, re_path

from chat.consumers import ChatConsumer


async def no_socket(scope: Any, receive: Any, send: Any) -> None:
    """Refuse the handshake: without a route, Channels would fail with a traceback and a 500."""
    await send({"type": "websocket.close"})


websocket_urlpatterns = [
    path("ws", ChatConsumer.as_asgi()),
    re_path("", no_socket),  # type: ignore[arg-type]  # Channels' routes lead to ASGI applications, not to views
]
