"""Readers whose process does not own the run: they look at the rows, and hear hints."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from time import monotonic
from typing import Any

import msgspec

from agents.events import ChatChunk, ChatComplete
from chat.journal import Entry, Journal, LiveRun
from chat.journal.journal import RUNS_PER_WINDOW
from chat.journal.live_run import PENDING_CHARS
from chat.journal.readers import POLL, Readers
from chat.models import Run
from chat.tests.rows import make_conversation, make_run, make_user, tell


async def test_a_reader_who_follows_a_run_that_nobody_owns_gets_its_rows_and_waits_for_more(transactional_db):
    def begin() -> Run:
        run = make_run(make_conversation(make_user()))
        tell(run, ChatChunk(content="one"), ChatChunk(content="two"))
        return run

    def finish(run: Run) -> None:
        tell(run, ChatComplete(final_response="onetwo", total_tool_calls=0))
        run.finish(Run.Status.COMPLETED)

    journal = Journal(gather=0.001)
    run = await journal.execute(begin)
    seen: list[int] = []
    async with aclosing(journal.follow(run.pk, 1)) as batches:
        async for batch in batches:
            seen += [entry.seq for entry in batch]
            if seen == [2]:
                await journal.execute(lambda: finish(run))
    assert seen == [2, 3]
    await journal.drain()


class Meanwhile(Readers):
    """Readers that have read the rows when something happens: `then` is called once, before they go on."""

    then: Callable[[], Awaitable[None]] | None = None

    async def _stored_after(self, *args: Any, **options: Any) -> tuple[list[Entry], bool]:
        found = await super()._stored_after(*args, **options)
        then, self.then = self.then, None
        if then is not None:
            await then()
        return found


async def test_a_hint_that_comes_while_a_reader_looks_is_not_lost(transactional_db):
    journal = Journal(gather=0.001)
    journal.readers = readers = Meanwhile(journal.live, heartbeat=15)
    run = await journal.execute(lambda: make_run(make_conversation(make_user())))

    async def elsewhere() -> None:
        await journal.execute(lambda: tell(run, ChatChunk(content="one")))
        journal.hint(run.pk)

    async with aclosing(journal.follow(run.pk)) as batches:
        assert await anext(batches) == []
        readers.then = elsewhere
        began = asyncio.get_running_loop().time()
        assert [entry.seq for entry in await anext(batches)] == [1]
        assert asyncio.get_running_loop().time() - began < POLL / 2
    assert not readers.listeners
    await journal.drain()


async def test_what_a_reader_has_seen_among_the_rows_is_not_written_to_it_again(transactional_db):
    """Rows are committed before the event loop learns of it: whoever looks at them in between is ahead."""

    def begin() -> Run:
        run = make_run(make_conversation(make_user()))
        tell(run, ChatChunk(content="one"), ChatChunk(content="two"), ChatChunk(content="three"))
        return run

    journal = Journal(gather=0.001)
    run = await journal.execute(begin)
    live = journal.open(run.pk, epoch=run.epoch, last_seq=1)
    seen: list[int] = []

    def take(batch: list[Entry]) -> bool:
        seen.extend(entry.seq for entry in batch)
        return True

    async def read() -> None:
        async with aclosing(journal.follow(run.pk, 0, take)) as batches:
            async for batch in batches:
                seen.extend(entry.seq for entry in batch)

    reader = asyncio.create_task(read())
    while seen != [1, 2, 3]:  # noqa: ASYNC110  # the reader is not to know
        await asyncio.sleep(0.01)
    for seq in (2, 3, 4):
        live.publish([Entry(seq, "chat_chunk", b"{}")])
        await asyncio.sleep(0.01)
    assert seen == [1, 2, 3, 4]
    reader.cancel()
    await journal.drain()


async def test_a_reader_that_fails_keeps_nobody_from_the_news(transactional_db):
    def fail(batch: list[Entry]) -> bool:
        raise ConnectionError

    journal = Journal(gather=0.001)
    run = await journal.execute(lambda: make_run(make_conversation(make_user())))
    live = journal.open(run.pk, epoch=run.epoch)
    async with aclosing(journal.follow(run.pk, 0, fail)) as batches:
        assert await anext(batches) == []
        following = asyncio.create_task(anext(batches))
        await asyncio.sleep(0.01)
        await asyncio.wait_for(journal.append(live, [ChatChunk(content="one")]), 5)
        assert [entry.seq for entry in await following] == [1]
    await journal.drain()


async def test_runs_that_are_many_share_the_windows_evenly(transactional_db):
    """Four windows at most; each run waits for one of them, also those that began when there were fewer."""
    journal = Journal(gather=3600)
    lives: list[LiveRun] = []

    def shares() -> list[int]:
        """By how many runs each window is waited for."""
        for live in lives:
            live.spoke, live.put_at = True, monotonic()
            assert journal.put(live, ChatChunk(content="a"), lambda: None)
        counts = [len(window.more) for window in journal._windows if window.more]
        for window in journal._windows:
            window.more.clear()
        return counts

    for runs, windows in ((RUNS_PER_WINDOW, 1), (2 * RUNS_PER_WINDOW, 2), (3 * RUNS_PER_WINDOW, 4), (1000, 4)):
        lives += [journal.open(uuid.uuid4(), epoch=1) for _ in range(runs - len(lives))]
        assert shares() == [runs // windows] * windows
    for live in lives[RUNS_PER_WINDOW:]:
        journal.close(live)
    del lives[RUNS_PER_WINDOW:]
    assert shares() == [RUNS_PER_WINDOW]


async def test_text_that_comes_at_the_end_of_a_window_is_stored_with_what_waits(transactional_db):
    """For each run that wants it; one that fails to say what it has keeps no other from it."""
    journal = Journal(gather=0.02)
    lives = []
    for _ in range(2):
        run = await journal.execute(lambda: make_run(make_conversation(make_user())))
        live = journal.open(run.pk, epoch=run.epoch)
        assert not journal.put(live, ChatChunk(content="first"))  # which waits for nothing
        lives.append(live)
    await journal.execute(lambda: None)

    def fail() -> None:
        raise ConnectionError

    failing, live = lives
    assert journal.put(failing, ChatChunk(content=" a"), fail)
    assert journal.put(live, ChatChunk(content=" a"), lambda: None)
    asked: list[bool] = []
    assert journal.put(live, ChatChunk(content=" b"), lambda: asked.append(journal.put(live, ChatChunk(content=" c"))))
    await asyncio.sleep(0.1)
    assert asked == [False]
    for one, content in ((failing, " a"), (live, " a b c")):
        events = [msgspec.json.decode(entry.body) for entry in one.entries]
        assert [event["content"] for event in events] == ["first", content]
        journal.close(one)
    await journal.drain()


async def test_a_run_that_is_behind_catches_up(transactional_db):
    journal = Journal(gather=0.02)
    run = await journal.execute(lambda: make_run(make_conversation(make_user())))
    live = journal.open(run.pk, epoch=run.epoch)
    journal.put(live, ChatChunk(content="x" * (PENDING_CHARS + 1)))
    assert live.is_behind
    await journal.catch_up(live)
    assert not live.is_behind
    assert sum(len(entry.body) for entry in live.entries) > PENDING_CHARS / 2
    await journal.drain()
