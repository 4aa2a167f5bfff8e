"""How events are packed: whatever they are, they come back as the same bytes, and in little room."""

import random
from datetime import datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from agents.events import ChatChunk, ChatComplete, ReasoningChunk, RunStarted, ToolCallStart, ToolCallState
from chat.journal.live_run import Entry
from chat.journal.packs import pack, unpack

STAMP = "2026-11-26T03:08:20.123Z"
TEXTS = st.text(max_size=20) | st.sampled_from(['"', '\\"', '","seq":1,"timestamp":"', "\u2028", "é🎉\n"])
STAMPS = st.datetimes().map(lambda time: time.isoformat(timespec="milliseconds") + "Z") | st.sampled_from(
    ["", "now", "2026-13-01T00:00:00.000Z", "0000-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000000Z"]
)
EVENTS = st.one_of(
    st.builds(ChatChunk, content=TEXTS),
    st.builds(ReasoningChunk, content=TEXTS),
    st.builds(ChatComplete, final_response=TEXTS, total_tool_calls=st.integers(0, 9)),
    st.builds(RunStarted, run_id=TEXTS, conversation_id=TEXTS, agent_name=TEXTS, model=TEXTS),
    st.builds(
        lambda text: ToolCallStart(
            tool_call=ToolCallState(id="c", name=text, arguments={text: [1, None]}, status="executing")
        ),
        TEXTS,
    ),
)
TOLD = st.lists(st.tuples(EVENTS, STAMPS), max_size=12)
FOREIGN = st.binary(max_size=40) | st.sampled_from(
    [b"{}", b"", b'{"event_type":"x","seq":7,"timestamp":"%b"}' % STAMP.encode(), b'{"event_type":"x",,"seq":1']
)


def facts(entries: list[Entry]) -> list[tuple[int, str, bytes]]:
    return [(entry.seq, entry.event_type, entry.body) for entry in entries]


@given(told=TOLD, foreign=st.lists(st.tuples(st.text(max_size=9), FOREIGN), max_size=4), first=st.integers(1, 10**6))
def test_events_come_back_as_the_same_bytes(told, foreign, first):
    entries = [Entry.of(event, seq, stamp) for seq, (event, stamp) in enumerate(told, first)]
    entries += [Entry(seq, kind, body) for seq, (kind, body) in enumerate(foreign, first + len(told))]
    assert facts(unpack(pack(entries), first)) == facts(entries)


def paced(words: list[str]) -> list[Entry]:
    """An answer that comes token by token, about one each 20 ms."""
    chance, time = random.Random(1), datetime(2026, 1, 1)  # noqa: DTZ001, S311 - a time without a zone; not a secret
    events = [
        *(ChatChunk(content=word) for word in words),
        ChatComplete(final_response="".join(words), total_tool_calls=0),
    ]
    entries = []
    for seq, event in enumerate(events, 2):
        time += timedelta(milliseconds=chance.uniform(17, 24))
        entries.append(Entry.of(event, seq, time.isoformat(timespec="milliseconds") + "Z"))
    return entries


@pytest.mark.parametrize(("tokens", "share"), [(50, 2.5), (250, 1.2), (700, 1.0)])
def test_a_pack_takes_about_the_room_of_the_text_with_one_token_in_each_event(tokens, share):
    words = [f"t{number} " for number in range(tokens)]
    entries = paced(words)
    assert sum(len(entry.body) for entry in entries) > 18 * len("".join(words))
    assert len(pack(entries)) < share * len("".join(words))
