"""The journal under random writers, readers and takeovers: on a real database, with its real threads.

What is held against it: numbers without gaps; text that is merged but never lost, doubled or put in another order;
nothing written by an owner who has lost the run; and nothing shown that another connection cannot read.
"""

import asyncio
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test

from agents.events import ChatChunk, ChatComplete, ToolCallComplete, ToolCallState
from chat.exceptions import OwnershipLost
from chat.journal import Entry, Journal, LiveRun
from chat.journal.reading import stored_entries
from chat.models import Conversation, Run
from chat.packing import pack_run
from chat.tests.rows import make_conversation, make_run, make_user

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = 70_000  # a few of these push a run's first events out of memory


def stored(run_id: uuid.UUID) -> list[tuple[int, str, str]]:
    return [(entry.seq, entry.event_type, entry.body.decode()) for entry in stored_entries(run_id)]


def text_of(rows: list[tuple[int, str, str]]) -> str:
    return "".join(json.loads(body)["content"] for _, kind, body in rows if kind == "chat_chunk")


def check_readable(run_id: uuid.UUID, batch: list[Entry]) -> None:
    """What a reader has been shown, a connection that was opened just now can read."""
    connection.close()
    rows = {seq: body for seq, _, body in stored(run_id)}
    connection.close()
    assert all(rows[entry.seq] == entry.body.decode() for entry in batch)


@dataclass
class Follower:
    """A reader in the background, from a cursor on."""

    after: int
    task: "asyncio.Task[None]"
    entries: list[Entry] = field(default_factory=list)


@dataclass
class Story:
    """What is known of one run: its owner, the text that was taken, and how much of it surely is stored."""

    run: Run
    journal: Journal
    live: LiveRun
    text: str = ""
    sure: int = 0
    ended: bool = False
    followers: list[Follower] = field(default_factory=list)


class JournalMachine(RuleBasedStateMachine):
    """Two processes (journals) over one database, and runs that change hands between them."""

    stories = Bundle("stories")

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere = ThreadPoolExecutor(1)
        self.runner = asyncio.Runner()
        self.journals = self.runner.run(self.open_journals())
        self.told: list[Story] = []
        self.owner = make_user()

    async def open_journals(self) -> list[Journal]:
        journals: list[Journal] = []

        def hint(stored: dict[uuid.UUID, int]) -> None:
            for journal in journals:
                for run_id in stored:
                    journal.hint(run_id)

        journals += [Journal(gather=0.001, on_stored=hint), Journal(gather=0.005, on_stored=hint)]
        return journals

    # --- writers -----------------------------------------------------------------------------------------------------
    @rule(target=stories, number=st.integers(0, 1))
    def begin(self, number: int) -> Story:
        run = make_run(make_conversation(self.owner))
        journal = self.journals[number]
        story = Story(run, journal, self.runner.run(self.open(journal, run, 0)))
        self.told.append(story)
        return story

    async def open(self, journal: Journal, run: Run, last_seq: int) -> LiveRun:
        return journal.open(run.pk, epoch=run.epoch, last_seq=last_seq)

    @rule(story=stories, pieces=st.lists(st.text("ab é🎉\n", min_size=1, max_size=5), min_size=1, max_size=4))
    def speak(self, story: Story, pieces: list[str]) -> None:
        async def speak() -> None:
            for piece in pieces:
                story.journal.put(story.live, ChatChunk(content=piece))
                story.text += piece

        if not story.ended:
            self.runner.run(speak())

    @rule(story=stories)
    def pause(self, story: Story) -> None:
        """Let windows close and commits settle."""
        self.runner.run(asyncio.sleep(0.02))

    @rule(story=stories, size=st.sampled_from([1, LARGE]), count=st.integers(1, 3))
    def act(self, story: Story, size: int, count: int) -> None:
        """Structural events: stored, with the text before them, when the call returns."""
        if story.ended:
            return
        call = {"id": "c", "name": "t", "arguments": {}, "status": "completed"}
        events = [ToolCallComplete(tool_call=ToolCallState(**call, result="x" * size)) for _ in range(count)]
        self.runner.run(story.journal.append(story.live, events))
        story.sure = len(story.text)

    @rule(story=stories)
    def write_beside(self, story: Story) -> None:
        """What belongs to an event is stored with it, or neither is."""

        def fail() -> None:
            Conversation.objects.filter(pk=story.run.conversation_id).update(title="half")
            raise ValueError("a bug in what is written beside an event")

        async def append() -> None:
            with pytest.raises(ValueError, match="a bug"):
                await story.journal.append(live, [ChatChunk(content="never")], fail)

        run = make_run(make_conversation(self.owner))
        live = self.runner.run(self.open(story.journal, run, 0))
        self.runner.run(append())
        assert stored(run.pk) == []
        assert not Conversation.objects.filter(title="half").exists()

    @rule(story=stories)
    def end(self, story: Story) -> None:
        if story.ended:
            return
        last = ChatComplete(final_response=story.text, total_tool_calls=0)
        finish = lambda: story.run.finish(Run.Status.COMPLETED)  # noqa: E731
        self.runner.run(story.journal.append(story.live, [last], finish))
        story.sure, story.ended = len(story.text), True
        self.runner.run(self.close(story.journal, story.live))

    async def close(self, journal: Journal, live: LiveRun) -> None:
        journal.close(live)

    @rule(story=stories, whole=st.booleans())
    def pack(self, story: Story, whole: bool) -> None:
        """The first events, or all of them, of a run that has ended."""
        for _ in pack_run(story.run.pk) if story.ended else ():
            if not whole:
                break

    # --- takeovers ---------------------------------------------------------------------------------------------------
    @rule(story=stories, closed=st.booleans())
    def take_over(self, story: Story, closed: bool) -> None:
        """The other process becomes the owner; whatever the old one still wants to write is void."""
        if story.ended:
            return
        old, lost = story.journal, story.live
        new = next(journal for journal in self.journals if journal is not old)
        run = Run.objects.get(pk=story.run.pk)
        assert self.runner.run(new.execute(lambda: run.take_over(uuid.uuid4(), timedelta(seconds=60))))
        before = stored(run.pk)
        self.runner.run(self.write_as_the_old_owner(old, lost))
        assert stored(run.pk) == before
        text = text_of(before)
        assert story.text.startswith(text)
        assert len(text) >= story.sure
        if closed:
            self.runner.run(self.close(old, lost))
        story.run, story.journal, story.text, story.sure = run, new, text, len(text)
        story.live = self.runner.run(self.open(new, run, len(before)))

    async def write_as_the_old_owner(self, journal: Journal, lost: LiveRun) -> None:
        for _ in range(2):
            with pytest.raises(OwnershipLost):
                await journal.append(lost, [ChatChunk(content="from the past")])
        with pytest.raises(OwnershipLost):
            journal.put(lost, ChatChunk(content="from the past"))

    # --- readers -----------------------------------------------------------------------------------------------------
    @rule(story=stories, number=st.integers(0, 1), share=st.floats(0, 1), declines=st.integers(1, 3))
    def follow(self, story: Story, number: int, share: float, declines: int) -> None:
        """Begin to read, in either process, somewhere among what is stored. Each `declines`-th event is not taken."""
        after = int(len(stored(story.run.pk)) * share)
        story.followers.append(self.runner.run(self.open_follower(self.journals[number], story, after, declines)))

    async def open_follower(self, journal: Journal, story: Story, after: int, declines: int) -> Follower:
        def take(batch: list[Entry]) -> bool:
            if any(entry.seq % declines == 0 for entry in batch):
                return False
            self.elsewhere.submit(check_readable, story.run.pk, batch).result()
            follower.entries += batch
            return True

        async def read() -> None:
            async with aclosing(journal.follow(story.run.pk, after, take)) as batches:
                async for batch in batches:
                    assert sum(len(entry.body) for entry in batch[:-1]) <= 64 * 1024
                    await loop.run_in_executor(self.elsewhere, check_readable, story.run.pk, batch)
                    follower.entries += batch

        loop = asyncio.get_running_loop()
        follower = Follower(after, loop.create_task(read()))
        return follower

    def teardown(self) -> None:
        try:
            for story in self.told:
                self.end(story)
                rows = stored(story.run.pk)
                assert [seq for seq, _, _ in rows] == list(range(1, len(rows) + 1))
                assert text_of(rows) == story.text
                for follower in story.followers:
                    self.runner.run(asyncio.wait_for(follower.task, 10))
                    told = [(entry.seq, entry.event_type, entry.body.decode()) for entry in follower.entries]
                    assert told == rows[follower.after :]
        finally:
            for journal in self.journals:
                self.runner.run(journal.drain())
                assert not len(journal.readers)
            self.elsewhere.shutdown()
            self.runner.close()


def test_the_journal_keeps_its_promises_whatever_happens():
    how = settings(max_examples=12, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(JournalMachine, settings=how)
