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


def test_the_writer_copies_the_rest_of_a_long_log_which_then_begins_anew(monkeypatch):
    if connection.vendor == "postgresql":
        return
    copied_by: list[str] = []
    copy = checkpoints._checkpoint

    def checkpoint() -> int:
        length = copy()
        copied_by.append(threading.current_thread().name.split("_")[0])
        return length

    monkeypatch.setattr(checkpoints, "_checkpoint", checkpoint)
    monkeypatch.setattr(checkpoints, "LONG", 1)
    alice = make_user()

    async def write() -> None:
        journal = Journal(gather=0.01)
        try:
            await journal.execute(lambda: [make_conversation(alice) for _ in range(50)])
            await asyncio.to_thread(
                wait_until, lambda: "journal" in copied_by, seconds=20, otherwise=lambda: f"{copied_by} {frames()}"
            )
            length = frames()[0]
            await journal.execute(lambda: make_conversation(alice))
            assert frames()[0] < length
        finally:
            await journal.drain()

    asyncio.run(write())
    assert copied_by[:2] == ["checkpoint", "journal"]
