"""What the benchmark makes of its figures: bounds, rows, and the search for a server's capacity."""

import pytest

from benchmarks.capacity import LARGEST, Carried, Search, Tried
from benchmarks.measure import busiest
from benchmarks.received import COUNTED, STAMP, Read, gaps, tokens
from benchmarks.rounds import rounds
from benchmarks.row import Row, at_least, at_most
from benchmarks.table import table, verdict

ROUNDS = {"ours": [10.0, 40.0, 20.0], "peer": [40.0, 80.0, 80.0]}


def test_a_bound_on_a_ratio_compares_within_each_round():
    bound = at_most(1 / 3, "peer")
    assert bound.value(ROUNDS) == 0.25
    assert bound.holds(ROUNDS)
    assert bound.text(ROUNDS) == "≤ 0.333 × peer (0.25)"


@pytest.mark.parametrize(("bound", "holds"), [(at_most(20), True), (at_most(19), False), (at_least(21), False)])
def test_a_bound_on_a_number_is_held_by_the_median(bound, holds):
    assert bound.holds(ROUNDS) is holds


def test_a_bound_against_a_server_that_was_not_measured_says_nothing():
    bound = at_least(1, "elsewhere")
    assert bound.holds(ROUNDS) is None
    assert bound.text(ROUNDS) == "≥ 1 × elsewhere (not measured)"
    assert Row("Goal", "row", ROUNDS, (at_most(20), bound)).holds is None
    assert Row("Goal", "row", ROUNDS, (at_most(1), bound)).holds is False


def test_a_table_shows_the_servers_that_were_measured_and_what_holds():
    rows = [Row("Goal", "good", ROUNDS, (at_most(20),)), Row("Goal", "bad", {"ours": [1234.5]}, (at_most(100),))]
    assert table("Goal", rows).splitlines()[2:] == [
        "|  | ours | peer | bound | holds |",
        "| --- | ---: | ---: | --- | --- |",
        "| good | 20.0 | 80.0 | ≤ 20 | yes |",
        "| bad | 1,234.5 |  | ≤ 100 | **no** |",
    ]
    assert verdict(rows) == "1 of 2 rows with a bound hold it.\n- not: Goal: bad"


@pytest.mark.parametrize("capacity", [1, 60, 250, 900])
def test_the_search_closes_in_on_what_a_server_carries(capacity):
    search, streams = Search(), 200
    for _ in range(12):
        search, streams = search.next(streams, carried=streams <= capacity)
    assert search.carried <= capacity < search.failed <= LARGEST
    assert search.failed - search.carried <= max(2, capacity // 50)


def test_a_load_is_in_proportion_to_the_nearest_that_was_tried():
    found = Carried(400, [Tried(100, 0.3), Tried(200, 0.8), Tried(400, 1.0)])
    assert found.nearest(0.7).streams_at(0.7) == 175
    assert found.nearest(0.3).streams_at(0.15) == 50


def test_the_busiest_seconds_are_found_wherever_they_are():
    spent = [(0.0, 0.0), (1.0, 0.2), (2.0, 1.0), (3.0, 1.8), (4.0, 1.9)]
    assert busiest(spent, 2) == pytest.approx(0.8)
    assert busiest(spent, 5) == 0


def test_rounds_end_when_there_is_no_time_for_another_one():
    assert list(rounds(3, seconds=60)) == [0, 1, 2]
    assert list(rounds(3, seconds=0)) == [0]


def chunked(*parts: bytes) -> list[bytes]:
    return [b"HTTP/1.1 200 OK\r\n\r\n", *(b"%x\r\n%s\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n"]


def test_a_token_came_with_the_read_that_brought_its_last_byte():
    whole = b"".join(chunked(b"data: <1.000000> ", b"data: <2.0000", b"00> ", b"chat_complete <3.000000> "))
    cut = whole.index(b"4\r\n00> ")
    found = tokens([Read(10.0, whole[:cut]), Read(20.0, whole[cut:])], STAMP)
    assert [(token.at, token.value) for token in found] == [(10.0, 1.0), (20.0, 2.0)]
    assert gaps(found) == [10.0]


def test_a_stream_that_breaks_off_is_no_measurement():
    with pytest.raises(AssertionError, match="broke off"):
        tokens([Read(1.0, b"".join(chunked(b"t0 t1 ")))], COUNTED)
    with pytest.raises(AssertionError, match="503"):
        tokens([Read(1.0, b"HTTP/1.1 503 Service Unavailable\r\n\r\n")], COUNTED)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_token_that_two_events_share_is_one(cut):
    frame = (
        'id: run:2\ndata: {"event_type":"chat_chunk","content":"%s","seq":2,"timestamp":"2026-01-01T00:00:00.000Z"}\n\n'
    )
    text = "t1 t42 t3 "
    at = text.index("t42") + cut
    frames = [frame % text[:at], frame % text[at:], 'data: {"event_type":"chat_complete"}\n\n']
    found = tokens([Read(0.0, part) for part in chunked("".join(frames).encode())], COUNTED)
    assert [token.value for token in found] == [1, 42, 3]
