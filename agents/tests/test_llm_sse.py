"""The SSE parser: whatever the cuts between reads, the same events."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.errors import ErrorCode, ModelError
from agents.llm.sse import EventStream, WholeBody

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
STREAM = (
    b"\xef\xbb\xbfdata: first\n\n: OPENROUTER PROCESSING\n\nevent: message\nid: 1\nretry: 10\ndata:no space\r\n\r\n"
    b"data: two\ndata: lines\n\ndata\ndata: \n\ndata: caf\xc3\xa9 \xf0\x9f\x98\x80\n\ndata: a\r\rdata: b\n\n\n\n"
    b"data: x\n\ndata: y\n\ndata: z"
)
EVENTS = [b"first", b"no space", b"two\nlines", b"", "café 😀".encode(), b"a", b"b", b"x", b"y", b"z"]


def parse(reads: list[bytes]) -> list[bytes]:
    stream = EventStream()
    return [event for read in reads for event in stream.feed(read)] + stream.flush()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def test_every_oddity_of_the_format_is_read():
    assert parse([STREAM]) == EVENTS


def test_a_stream_cut_into_single_bytes_gives_the_same_events():
    assert parse([STREAM[place : place + 1] for place in range(len(STREAM))]) == EVENTS


@PATIENT
@given(st.lists(st.integers(min_value=0), max_size=12))
def test_any_split_of_the_bytes_gives_the_same_events(places):
    assert parse(cut(STREAM, places)) == EVENTS


@PATIENT
@given(st.binary(max_size=200), st.lists(st.integers(min_value=0), max_size=6))
def test_any_bytes_give_the_same_events_however_they_are_split(data, places):
    assert parse(cut(data, places)) == parse([data])


@PATIENT
@given(
    st.lists(st.sampled_from([b"data: a", b"data:b", b"data: ", b":c", b"id: 1", b"\r", b"\n", b"\r\n"]), max_size=20)
)
def test_lines_mean_what_the_standard_says(parts):
    data = b"".join(parts)
    assert parse([data]) == standard(data)


def standard(data: bytes) -> list[bytes]:
    """The standard's own algorithm, line by line; an event that the end of the stream cuts counts as well."""
    events: list[bytes] = []
    lines: list[bytes] = []
    for line in [*data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), b""]:
        if line == b"" and lines:
            events.append(b"\n".join(lines))
            lines = []
        elif line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
    return events


def test_many_events_in_one_read_come_out_in_order():
    data = b"".join(b"data: %d\n\n" % number for number in range(1000))
    assert EventStream().feed(data) == [b"%d" % number for number in range(1000)]


def test_an_event_over_many_reads_comes_out_with_its_last_read():
    stream = EventStream()
    assert [stream.feed(read) for read in (b"da", b"ta: on", b"e\n", b"\n")] == [[], [], [], [b"one"]]


@pytest.mark.parametrize("piece", [b"x" * 40, b"data: x\n", b"data:\n"])
def test_an_event_without_end_is_an_error_before_it_fills_the_memory(piece):
    def fill() -> None:
        stream = EventStream(limit=1000)
        for _ in range(1001):
            stream.feed(piece)

    with pytest.raises(ModelError, match="more than 1000 bytes") as failure:
        fill()
    assert failure.value.code is ErrorCode.MODEL_ERROR


def test_long_streams_of_short_events_meet_no_limit():
    stream = EventStream(limit=100)
    assert sum(len(stream.feed(b"data: short\r\n\r\n")) for _ in range(1000)) == 1000


def test_a_body_that_is_no_stream_is_one_event():
    body = WholeBody(limit=10)
    assert [body.feed(b'{"a":'), body.feed(b" 1}\n")] == [[], []]
    assert body.flush() == [b'{"a": 1}']
    assert WholeBody().flush() == []
    with pytest.raises(ModelError, match="more than 10 bytes"):
        body.feed(b"more")
