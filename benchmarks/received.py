"""What a client has received of one stream, and when: taken apart after the load, so that the load stays cheap."""

import re
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

STAMP = re.compile(rb"<(\d+\.\d{6})>")  # a token of the provider's `stamped` scenario: the time of its sending
BETWEEN = rb'","seq":\d+,"timestamp":"[^"]*"\}\s+id: \S+\s+data: \{"event_type":"chat_chunk","content":"'
COUNTED = re.compile(rb"\bt(\d*)(?:%b(\d*))? " % BETWEEN)  # of its `burst` scenario; our events may end within one
END = re.compile(
    rb"chat_complete|\[DONE\]|RUN_FINISHED"
)  # what follows the last token; our last event repeats the whole text


class Read(NamedTuple):
    """One read of the socket; `at` is in monotonic seconds."""

    at: float
    data: bytes


class Token(NamedTuple):
    """One token: when it came, and what stood in it (a time or a number)."""

    at: float
    value: float


def tokens(reads: list[Read], pattern: re.Pattern[bytes]) -> list[Token]:
    """The tokens of one HTTP response, in order. Raises AssertionError when it is no whole, successful stream."""
    raw = b"".join(read.data for read in reads)
    head, _, _ = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), raw[:500].decode(errors="replace")
    body, places = _dechunk(raw, len(head) + 4)
    end = END.search(body)
    assert end, f"the stream broke off: …{body[-200:]!r}"
    ends, total = [], 0
    for read in reads:
        total += len(read.data)
        ends.append(total)
    starts = [start for start, _ in places]
    found = []
    for match in pattern.finditer(body, 0, end.start()):
        start, place = places[bisect_left(starts, match.end()) - 1]
        found.append(
            Token(
                reads[bisect_left(ends, place + match.end() - start)].at, float(b"".join(filter(None, match.groups())))
            )
        )
    return found


def gaps(found: list[Token]) -> list[float]:
    """Seconds between the reads that brought tokens."""
    return [after - before for before, after in pairwise(sorted({token.at for token in found}))]


def _dechunk(raw: bytes, place: int) -> tuple[bytes, list[tuple[int, int]]]:
    """The body, and for each of its HTTP chunks where it starts in the body and in the raw bytes."""
    pieces: list[bytes] = []
    places: list[tuple[int, int]] = []
    length = 0
    while True:
        line_end = raw.index(b"\r\n", place)
        size = int(raw[place:line_end], 16)
        if not size:
            return b"".join(pieces), places
        place = line_end + 2
        places.append((length, place))
        pieces.append(raw[place : place + size])
        length += size
        place += size + 2
