"""SQLite's write-ahead log is copied by a thread of its own. PostgreSQL looks after its log itself."""

import asyncio
import struct
import threading
from pathlib import Path

import pytest
from django.db import connection

from chat.journal import Journal, checkpoints
from chat.models import Conversation
from chat.tests.rows import make_conversation, make_user
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
ITS_OWN = 16_000  # pages: some time after them SQLite would copy in the middle of a commit
FRAMES, COPIED = 16, 96  # where the log's index holds how many frames there are, and how many have been copied


def frames() -> tuple[int, int]:
    index = Path(f"{connection.settings_dict['NAME']}-shm").read_bytes()
    return struct.unpack_from("=I", index, FRAMES)[0], struct.unpack_from("=I", index, COPIED)[0]


def all_copied() -> bool:
    return len(set(frames())) == 1


def test_what_was_stored_is_copied_beside_the_writer():
    alice = make_user()

    async def write() -> None:
        journal = Journal(gather=0.01)
        try:
            await journal.execute(lambda: make_conversation(alice))
            if connection.vendor == "postgresql":
                assert not any(thread.name.startswith("checkpoint") for thread in threading.enumerate())
                return
            await asyncio.to_thread(wait_until, all_copied, seconds=20, otherwise=lambda: f"{frames()}")
        finally:
            await journal.drain()

    asyncio.run(write())
    assert Conversation.objects.count() == 1


def test_the_log_begins_anew_while_commits_come_without_a_pause(monkeypatch):
    if connection.vendor == "postgresql":
        return
    monkeypatch.setattr(checkpoints, "PAUSE", 0.05)
    monkeypatch.setattr(checkpoints, "LONG", 50)
    alice = make_user()

    async def write() -> None:
        journal = Journal(gather=0.01)
        longest = 0
        try:
            async with asyncio.timeout(20):
                while frames()[0] >= longest:
                    longest = frames()[0]
                    await asyncio.gather(*(journal.execute(lambda: make_conversation(alice)) for _ in range(2)))
        finally:
            await journal.drain()
        assert checkpoints.LONG <= longest < ITS_OWN

    asyncio.run(write())
