"""Server-Sent Events: an encoder over the journal, and nothing else."""

import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import MappingProxyType

from django.http import StreamingHttpResponse

from chat.exceptions import invalid
from chat.ids import parse_id
from chat.journal import Entry, Journal

RETRY = b"retry: 2000\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def event_stream(
    journal: Journal,
    run_id: uuid.UUID,
    conversation_id: uuid.UUID,
    after: int,
    further_headers: Mapping[str, str] = NO_HEADERS,
) -> StreamingHttpResponse:
    """A response that follows the run from the cursor to its terminal event."""
    headers = HEADERS | {"X-Run-Id": str(run_id), "X-Conversation-Id": str(conversation_id), **further_headers}
    return EventStream(frames(journal, run_id, after), headers=headers)


class EventStream(StreamingHttpResponse):
    """Frames as they are: Django would pass each one through two more generators."""

    def __init__(self, events: AsyncGenerator[bytes, None], headers: dict[str, str]) -> None:
        super().__init__(events, headers=headers)
        self._events = events

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._events


async def frames(journal: Journal, run_id: uuid.UUID, after: int) -> AsyncGenerator[bytes, None]:
    """Whole frames only: a client that splits each network read on newlines never sees half of one."""
    prefix = f"id: {run_id}:".encode()
    head = RETRY
    async with aclosing(journal.follow(run_id, after)) as batches:
        async for batch in batches:
            yield head + (b"".join([frame(prefix, entry) for entry in batch]) or KEEP_ALIVE)
            head = b""
    if head:
        yield head


def frame(prefix: bytes, entry: Entry) -> bytes:
    return b"%s%d\ndata: %s\n\n" % (prefix, entry.seq, entry.body)


def parse_last_event_id(text: str) -> tuple[uuid.UUID, int]:
    """`{run_id}:{seq}` as it stands in a frame's id. Raises Refused."""
    run, _, seq = text.strip().rpartition(":")
    run_id = parse_id(run)
    if run_id is None or not (seq.isascii() and seq.isdigit() and len(seq) <= 9):
        raise invalid("Last-Event-ID is not the id of an event: send it as it stood in the stream.")
    return run_id, int(seq)
