"""What waits to be stored: text of one kind shares events, and no event becomes large."""

import uuid

from agents.events import ChatChunk, ReasoningChunk
from chat.journal.live_run import EVENT_CHARS, LiveRun


def test_a_large_piece_of_text_becomes_several_events():
    live = LiveRun(uuid.uuid4(), epoch=1, last_seq=0)
    text = "".join(f"{number} " for number in range(EVENT_CHARS))
    live.put_text(ChatChunk(content=text))
    told = [event.content for event in live.pending]
    assert "".join(told) == text
    assert max(map(len, told)) <= 2 * EVENT_CHARS
    assert live.pending_chars == len(text)


def test_pieces_of_one_kind_share_an_event():
    live = LiveRun(uuid.uuid4(), epoch=1, last_seq=0)
    for event in (ReasoningChunk(content="hm"), ChatChunk(content="a"), ChatChunk(content="b")):
        live.put_text(event)
    assert [(type(event), event.content) for event in live.pending] == [(ReasoningChunk, "hm"), (ChatChunk, "ab")]


def test_text_and_reasoning_that_take_turns_wait_for_nothing_to_join_them():
    live = LiveRun(uuid.uuid4(), epoch=1, last_seq=0)
    live.put_text(ChatChunk(content="a"))
    live.put_text(ChatChunk(content="b"))
    assert not live.alternates
    live.put_text(ReasoningChunk(content="hm"))
    assert live.alternates
