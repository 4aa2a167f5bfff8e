"""Server-Sent Events: an encoder over the journal, and nothing else."""

import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from types import MappingProxyType

from django.http import StreamingHttpResponse

from chat import log_context
from chat.access import Caller
from chat.exceptions import Refused, invalid
from chat.extensions import SayPiece
from chat.follow import Position
from chat.ids import parse_id
from chat.journal import Entry
from chat.runs import Runs

RETRY = b"retry: 2000\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
FRAME = b"%s%d\ndata: %s\n\n"
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform, no-store",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def event_stream(
    runs: Runs,
    caller: Caller,
    at: Position,
    further_headers: Mapping[str, str] = NO_HEADERS,
    *,
    say: SayPiece | None = None,
) -> StreamingHttpResponse:
    """A response that follows the run from the cursor to its terminal event, or until the caller's credentials end.

    `say` writes pieces of it past the response's own way, as soon as there are any: see chat.extensions.
    """
    log_context.tell_run(at.run_id)
    ids = {"X-Run-Id": str(at.run_id), "X-Conversation-Id": str(at.conversation_id)}
    return EventStream(frames(runs, caller, at, say), headers={**HEADERS, **ids, **further_headers})


class EventStream(StreamingHttpResponse):
    """Frames as they are: Django would pass each one through two more generators."""

    def __init__(self, events: AsyncGenerator[bytes, None], headers: dict[str, str]) -> None:
        super().__init__(events, headers=headers)
        self._events = events

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._events


async def frames(runs: Runs, caller: Caller, at: Position, say: SayPiece | None = None) -> AsyncGenerator[bytes, None]:
    """Whole frames only: a client that splits each network read on newlines never sees half of one."""
    prefix = f"id: {at.run_id}:".encode()
    head = RETRY

    def take(batch: list[Entry]) -> bool:
        return say is not None and say(_framed(prefix, batch))

    with suppress(Refused):  # the credentials have ended: the client comes back with its cursor, and is told then
        async with (
            runs.connections.held(caller, "stream"),
            aclosing(runs.journal.follow(at.run_id, at.after, take)) as batches,
        ):
            async for batch in batches:
                yield head + (_framed(prefix, batch) or KEEP_ALIVE)
                head = b""
    if head:
        yield head


def _framed(prefix: bytes, batch: list[Entry]) -> bytes:
    if len(batch) == 1:  # nearly always
        return FRAME % (prefix, batch[0].seq, batch[0].body)
    return b"".join([FRAME % (prefix, entry.seq, entry.body) for entry in batch])


def parse_last_event_id(text: str) -> tuple[uuid.UUID, int]:
    """`{run_id}:{seq}` as it stands in a frame's id. Raises Refused."""
    run, _, seq = text.strip().rpartition(":")
    run_id = parse_id(run)
    if run_id is None or not (seq.isascii() and seq.isdigit() and len(seq) <= 9):
        raise invalid("Last-Event-ID is not the id of an event: send it as it stood in the stream.")
    return run_id, int(seq)
