"""The encoder of Server-Sent Events over a journal whose heart beats quickly."""

import asyncio
from contextlib import aclosing
from types import SimpleNamespace

import pytest

from agents.events import ChatChunk
from chat.access import ALL_SCOPES, Caller
from chat.follow import Position
from chat.journal import Journal, journal
from chat.models import Run
from chat.open_connections import OpenConnections
from chat.sse import frames
from chat.tests.rows import make_conversation, make_run, make_user, tell

pytestmark = pytest.mark.django_db(transaction=True)


def begin() -> Run:
    run = make_run(make_conversation(make_user()))
    tell(run, ChatChunk(content="one"))
    return run


async def test_silence_is_filled_with_comments_and_news_still_come():
    journal = Journal(gather=0.001, heartbeat=0.05)
    run = await journal.execute(begin)
    runs = SimpleNamespace(journal=journal, connections=OpenConnections())
    alice = Caller(run.caller_id, "alice", ALL_SCOPES, "local")
    told: list[bytes] = []
    async with aclosing(frames(runs, alice, Position(run.pk, run.conversation_id))) as pieces, asyncio.timeout(10):
        async for piece in pieces:
            told.append(piece)
            if len(told) == 3:
                await journal.execute(lambda: tell(run, ChatChunk(content="two")))
            if b"two" in piece:
                break
    await journal.drain()
    assert told[0].startswith(b"retry: 2000\n\nid: ")
    assert told[1:3] == [b": keep-alive\n\n"] * 2
    assert set(told[3:-1]) <= {b": keep-alive\n\n"}


def test_the_comments_come_every_fifteen_seconds():
    assert journal.HEARTBEAT == 15
