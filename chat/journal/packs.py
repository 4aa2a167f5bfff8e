"""The events of a run that has ended, many in one value: each part in a column of its own, all of them compressed.

A streamed event is mostly envelope: its type, its number and its time are twenty times as long as a token. The events
of a run differ little in these, so a pack holds each kind of envelope once, times as differences, and the texts one
after the other, where the whole answer in the last event is found to have been there already.

An event comes back as the same bytes. That is checked when it is packed: one that would not is kept as it is.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from chat.journal.live_run import Entry

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of times whose zone, Z, is told apart
STAMP = len('2026-01-31T12:00:00.000Z"}')  # the last bytes of a stamped event
# `{"event_type":"…",` with the name of the first field, if that is a text; what differs; number and time.
BODY = re.compile(
    rb'(\{"event_type":"\w+",(?:"\w+":")?)(?:.*[^"]|)("*),"seq":\d+,"timestamp":"[^"]{23}Z"\}',
    re.DOTALL,
)


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """What stands around the text of an event; around nothing where the text is the whole body (`is_stamped` false)."""

    event_type: str
    opening: bytes = b""
    closing: bytes = b""
    is_stamped: bool = False

    def body(self, text: bytes, seq: int, time: int) -> bytes:
        """`time` is in milliseconds since EPOCH."""
        if not self.is_stamped:
            return text
        second, rest = divmod(time, 1000)
        told = (self.opening, text, self.closing, seq, _told(second), rest)
        return b'%b%b%b,"seq":%d,"timestamp":"%b.%03dZ"}' % told


class Columns(msgspec.Struct, array_like=True):
    """A pack before it is compressed: a place in `frames` and a length of `text` for each event, a time if stamped."""

    frames: list[Frame]
    kinds: list[int]
    lengths: list[int]
    times: list[int]  # milliseconds since the event before
    text: bytes


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Columns).decode


def pack(entries: Iterable[Entry]) -> bytes:
    """One value for events whose numbers follow each other."""
    kinds: dict[Frame, int] = {}
    columns = Columns([], [], [], [], b"")
    texts: list[bytes] = []
    frame, kind, before = Frame(""), -1, 0
    for entry in entries:
        found = _in_frame(entry, frame)  # nearly every event has that of the one before
        if found is None:
            frame = _frame(entry)
            kind = kinds.setdefault(frame, len(kinds))
            found = _in_frame(entry, frame) or (entry.body, 0)
        text, time = found
        columns.kinds.append(kind)
        columns.lengths.append(len(text))
        if frame.is_stamped:
            columns.times.append(time - before)
            before = time
        texts.append(text)
    columns.frames, columns.text = list(kinds), b"".join(texts)
    return zlib.compress(encode(columns))


def unpack(data: bytes, first_seq: int) -> Sequence[Entry]:
    """The events of a pack, the first of which has that number."""
    columns = decode(zlib.decompress(data))
    differences = iter(columns.times)
    entries: list[Entry] = []
    start = time = 0
    for seq, (kind, length) in enumerate(zip(columns.kinds, columns.lengths, strict=True), first_seq):
        frame = columns.frames[kind]
        if frame.is_stamped:
            time += next(differences)
        entries.append(Entry(seq, frame.event_type, frame.body(columns.text[start : start + length], seq, time)))
        start += length
    return entries


def _frame(entry: Entry) -> Frame:
    """The frame that gives an event back as it is."""
    found = BODY.fullmatch(entry.body)
    if found is not None:
        opening, closing = found.groups()
        frame = Frame(entry.event_type, opening, closing, is_stamped=True)
        if _in_frame(entry, frame) is not None:
            return frame
    return Frame(entry.event_type)


def _in_frame(entry: Entry, frame: Frame) -> tuple[bytes, int] | None:
    """The text and time with which a stamped frame gives the event back, or None."""
    body = entry.body
    number = b'%b,"seq":%d,"timestamp":"' % (frame.closing, entry.seq)
    start, end = len(frame.opening), len(body) - len(number) - STAMP
    is_same = frame.is_stamped and frame.event_type == entry.event_type and start <= end
    if not (is_same and body.startswith(frame.opening) and body.startswith(number, end) and body.endswith(b'Z"}')):
        return None
    second, thousandths = _second(body[-STAMP:-7]), body[-6:-3]
    if second is None or body[-7:-6] != b"." or not thousandths.isdigit():
        return None
    return body[start:end], 1000 * second + int(thousandths)


@lru_cache(maxsize=256)
def _told(second: int) -> bytes:
    return (EPOCH + timedelta(seconds=second)).isoformat().encode()


@lru_cache(maxsize=256)
def _second(told: bytes) -> int | None:
    """What `_told` has told, if it is that."""
    try:
        second = (datetime.fromisoformat(told.decode()) - EPOCH) // timedelta(seconds=1)
    except (ValueError, TypeError):
        return None
    return second if _told(second) == told else None
