"""The runs of one process that takes up again what it had lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from django.db.models.functions import Now

from agents.llm.base import ModelDelta, ModelRequest, TextDelta, TurnEnd
from chat.access import ALL_SCOPES, Caller
from chat.models import Run
from chat.requests import ChatRequest
from chat.runs import Runs
from chat.tests.rows import make_user

pytestmark = pytest.mark.django_db(transaction=True)


class Turns:
    """A model that says in each turn what is put into the turn's queue."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[asyncio.Queue[ModelDelta]] = asyncio.Queue()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta, None]:
        turn: asyncio.Queue[ModelDelta] = asyncio.Queue()
        self.begun.put_nowait(turn)
        while not isinstance(delta := await turn.get(), TurnEnd):
            yield delta
        yield delta


def say(turn: asyncio.Queue[ModelDelta], *deltas: ModelDelta) -> None:
    for delta in deltas:
        turn.put_nowait(delta)


async def test_a_run_that_its_process_lost_and_took_up_again_is_its_own_and_its_readers_hear_of_it():
    model, runs = Turns(), Runs()
    caller = Caller((await runs.write(make_user)).pk, "alice", ALL_SCOPES, "key")
    runs._models["default"] = model
    run_id = (await runs.start(caller, ChatRequest(message="Hello"))).run_id
    lost, before = runs.tasks[run_id], await model.begun.get()
    async with asyncio.timeout(10), aclosing(runs.journal.follow(run_id)) as batches:
        assert [entry.event_type for entry in await anext(batches)] == ["run_started"]
        heard = asyncio.ensure_future(anext(batches))
        await runs.write(lambda: Run.objects.filter(pk=run_id).update(owner=None, lease_until=Now()))
        await runs._recover()
        assert [entry.event_type for entry in await heard] == ["run_resumed"]
        again, turn = runs.tasks[run_id], await model.begun.get()
        say(before, TextDelta("void"), TurnEnd())
        await asyncio.wait([lost._working])
        assert runs.tasks[run_id] is again
        say(turn, TextDelta("Hi."), TurnEnd())
        told = [entry.event_type async for batch in batches for entry in batch]
    assert told == ["chat_chunk", "chat_complete"]
    await runs.stop()
