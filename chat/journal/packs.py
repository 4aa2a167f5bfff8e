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
# `{"event_type":"…",` with the name of the first field, if that is a text; what differs; number and time.
BODY = re.compile(
    rb'(\{"event_type":"\w+",(?:"\w+":")?)(.*[^"]|)("*),"seq":\d+,"timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z"\}',
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
    frames: dict[Frame, int] = {}
    columns = Columns([], [], [], [], b"")
    texts: list[bytes] = []
    before = 0
    for entry in entries:
        frame, text, time = _taken_apart(entry)
        columns.kinds.append(frames.setdefault(frame, len(frames)))
        columns.lengths.append(len(text))
        if frame.is_stamped:
            columns.times.append(time - before)
            before = time
        texts.append(text)
    columns.frames, columns.text = list(frames), b"".join(texts)
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


def _taken_apart(entry: Entry) -> tuple[Frame, bytes, int]:
    """An event's frame, text and time."""
    found = BODY.fullmatch(entry.body)
    if found is not None:
        opening, text, closing, told = found.groups()
        frame, time = Frame(entry.event_type, opening, closing, is_stamped=True), _milliseconds(told)
        if frame.body(text, entry.seq, time) == entry.body:
            return frame, text, time
    return Frame(entry.event_type), entry.body, 0


@lru_cache(maxsize=256)
def _told(second: int) -> bytes:
    return (EPOCH + timedelta(seconds=second)).isoformat().encode()


def _milliseconds(told: bytes) -> int:
    """0 for a time that is none."""
    try:
        return (datetime.fromisoformat(told.decode()) - EPOCH) // timedelta(milliseconds=1)
    except ValueError:
        return 0
