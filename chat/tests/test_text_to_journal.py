"""Text that goes to the journal past its run's task: see chat.run_task.TextToJournal."""

import uuid

import pytest

from agents.limits import Limits
from agents.llm.base import TextDelta
from agents.transcript import Transcript
from chat.journal import Journal, LiveRun
from chat.journal.live_run import PENDING_CHARS
from chat.run_task import TextToJournal


@pytest.mark.parametrize(
    ("state", "taken"),
    [
        ({}, True),
        ({"spoke": False}, False),  # the first piece is stored at once
        ({"lost": True}, False),
        ({"pending_chars": PENDING_CHARS + 1}, False),
    ],
)
async def test_what_a_run_has_to_see_to_itself_is_not_taken(state: dict[str, object], taken: bool):
    journal = Journal(gather=60)
    live: LiveRun = journal.open(uuid.uuid4(), epoch=1)
    for name, value in {"spoke": True, **state}.items():
        setattr(live, name, value)
    transcript = Transcript(messages=[], _turn=[])
    said = TextToJournal(live, journal, transcript, Limits()).put(TextDelta("Hello"), lambda: None)
    assert (said is not None) is taken
    assert transcript.answer == ("Hello" if taken else "")
    assert bool(live.pending) is taken
