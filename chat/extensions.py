"""What our server offers an application beside ASGI, in a scope's `extensions`: to write at once, outside any task.

Each function returns False, and has written nothing, while the ordinary way has to be taken: before the head has gone,
while the client is slow, after it has left. Other servers have none of them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest

PIECES, MESSAGES = "http.response.pieces", "websocket.messages"
SayPiece = Callable[[bytes], bool]
SayMessages = Callable[[list[str]], bool]


def say_piece(request: HttpRequest) -> SayPiece | None:
    """A function that writes a piece of a streamed body."""
    return _offered(getattr(request, "scope", {}), PIECES)  # type: ignore[no-any-return]


def say_messages(scope: Mapping[str, Any]) -> SayMessages | None:
    """A function that sends messages on a WebSocket."""
    return _offered(scope, MESSAGES)  # type: ignore[no-any-return]


def _offered(scope: Mapping[str, Any], name: str) -> Any:
    return scope.get("extensions", {}).get(name)
