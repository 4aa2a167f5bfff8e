"""A history is valid after any stop: the next message after a cancel or a kill at any event suits a strict provider."""

import asyncio
import uuid
from itertools import count

import pytest

from tests.faults import messages
from tests.faults.checker import History, broken
from tests.faults.cluster import Cluster
from tests.faults.person import Person
from tests.faults.provider_log import ProviderLog
from tests.faults.reader import Reader
from tests.faults.sizes import SIZES
from tests.faults.waiting import until


def asking(order: str) -> str:
    """Text, three tools at once that end one after the other, and text again."""
    wanted = [("look", {"order": order, "seconds": number / 10}) for number in (1, 2, 3)]
    first = [{"text": f"Let me see to {order}."}, *messages.calls(*wanted)]
    return messages.turns(first, messages.words(f"done {order}", 3, 100))


async def read_to(person: Person, run_id: str, events: int) -> bool:
    """Read so many events of the run; whether it had as many before its last one."""
    reader = Reader(person, run_id, transport="header")
    reading = asyncio.create_task(reader.read(cuts=[events]))

    async def has_come() -> bool:
        return len(reader.reading.received) >= events or reading.done()

    await until(has_come, every=0.005)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return len(reader.reading.received) >= events and not reader.reading.has_ended


async def goes_on(person: Person, provider_log: ProviderLog, run_id: str, message: str) -> list[str]:
    """Send the next message of the conversation; what a strict provider or a reader of the run would object to."""
    run = await person.ended(run_id)
    following = messages.paced(f"next {uuid.uuid4()}", 2)
    again = await person.start(following, conversation_id=run["conversation_id"], reset_history=False)
    requests = [*await provider_log.requests(message), *await provider_log.requests(following)]
    assert (await person.ended(again))["status"] == "completed"
    return broken(History(await person.journal(run_id), requests=requests))


async def test_the_next_message_works_after_a_cancel_at_any_event(
    cluster: Cluster, alice: Person, clerk: str, provider_log: ProviderLog
):
    for events in count(1):
        message = asking(str(uuid.uuid4()))
        run_id = await alice.start(message, server=cluster.first, agent_name=clerk)
        if not await read_to(alice, run_id, events):
            break
        await alice.cancel(run_id, cluster.servers[events % 2])
        assert await goes_on(alice, provider_log, run_id, message) == []
    assert events > 8, "the run was to have a start, text, three starts, three results and text"


@pytest.mark.parametrize("events", SIZES.any_stop_kills)
async def test_the_next_message_works_after_a_kill_at_any_event(
    alone: Cluster, hermit: Person, hermits_clerk: str, provider_log: ProviderLog, events: int
):
    message = asking(str(uuid.uuid4()))
    run_id = await hermit.start(message, agent_name=hermits_clerk)
    await read_to(hermit, run_id, events)
    await alone.kill(0)
    await alone.restart(0)
    assert await goes_on(hermit, provider_log, run_id, message) == []
