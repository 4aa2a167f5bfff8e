"""Server-Sent Events, read from bytes as they come off the network.

An event may be cut anywhere: inside a line, a CRLF or a UTF-8 character. Only `data` matters to us: comments and the
fields `event`, `id` and `retry` are dropped. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from typing import Protocol

from agents.errors import ErrorCode, ModelError

MAX_EVENT_BYTES = 16 * 1024 * 1024
BOM = b"\xef\xbb\xbf"


class EventSource(Protocol):
    """Turns reads of any size into the data of events. `flush` returns what the end of the stream has left over."""

    def feed(self, read: bytes) -> list[bytes]: ...
    def flush(self) -> list[bytes]: ...


def event_source(first: bytes) -> EventSource:
    """Return the reader for a body by its first bytes: content types are not to be trusted."""
    return WholeBody() if first.lstrip()[:1] == b"{" else EventStream()


class EventStream:
    """An incremental parser. Raises ModelError when one event grows beyond `limit` bytes."""

    __slots__ = ("_after_cr", "_limit", "_lines", "_tail", "_tail_size")

    def __init__(self, *, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._lines: list[bytes] = []  # data lines of the event that has not ended
        self._tail: list[bytes] = []  # pieces of the line that has not ended
        self._tail_size = 0
        self._after_cr = False

    def feed(self, read: bytes) -> list[bytes]:
        """Return the data of every event that this read completes."""
        if self._after_cr and read:
            read = read.removeprefix(b"\n")  # the second half of a CRLF; the line ended at its first half
            self._after_cr = False
        if not read:
            return []
        if not self._tail and not self._lines and read[:6] == b"data: " and read[-2:] == b"\n\n":
            events = read[6:-2].split(b"\n\ndata: ")  # what nearly every read looks like
            if read.count(b"\n") == 2 * len(events) and b"\r" not in read:
                return events
        if b"\n" not in read and b"\r" not in read:
            self._hold(read)
            return []
        return self._read_lines(read)

    def flush(self) -> list[bytes]:
        """Return the event that the end of the stream has left without its blank line, if there is one."""
        return [*self.feed(b"\n"), *self.feed(b"\n")]

    def _read_lines(self, read: bytes) -> list[bytes]:
        if self._tail:
            self._tail.append(read)
            read = b"".join(self._tail)
            self._tail, self._tail_size = [], 0
        lines = read.splitlines()
        last = read[-1:]
        self._after_cr = last == b"\r"
        rest = b"" if self._after_cr or last == b"\n" else lines.pop()
        events = self._complete(lines)
        if rest or self._lines:
            self._hold(rest)
        return events

    def _complete(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._lines
        for line in lines:
            if line[:6] == b"data: ":
                data.append(line[6:])
            elif not line:
                if data:
                    events.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
            elif line.removeprefix(BOM)[:5] == b"data:":
                data.append(line.removeprefix(BOM)[5:].removeprefix(b" "))
        return events

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        _require_size(self._tail_size + sum(len(line) + 1 for line in self._lines), self._limit)


class WholeBody:
    """The answer of a provider that sends one JSON object instead of a stream: one event, at the end."""

    __slots__ = ("_limit", "_parts", "_size")

    def __init__(self, *, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, read: bytes) -> list[bytes]:
        self._parts.append(read)
        self._size += len(read)
        _require_size(self._size, self._limit)
        return []

    def flush(self) -> list[bytes]:
        body = b"".join(self._parts).strip()
        return [body] if body else []


def _require_size(size: int, limit: int) -> None:
    if size > limit:
        raise ModelError(
            ErrorCode.MODEL_ERROR, f"The model provider sent an event of more than {limit} bytes. Try again."
        )
