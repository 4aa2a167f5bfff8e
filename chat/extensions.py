"""What chat.server's daphne offers beside ASGI: in a scope's `extensions`, where an application looks for it."""

from collections.abc import Callable

from django.http import HttpRequest

PIECES = "http.response.pieces"
SayPiece = Callable[[bytes], bool]


def say_piece(request: HttpRequest) -> SayPiece | None:
    """A function that writes a piece of a streamed body at once, outside any task. Nothing where a server has none.

    It returns False, and writes nothing, while the ordinary way has to be taken: before the head and the first piece
    have gone, while the client is slow, after it has left.
    """
    scope = getattr(request, "scope", {})  # ASGI's
    return scope.get("extensions", {}).get(PIECES)  # type: ignore[no-any-return]
