"""Promise 4: one writer. An owner that was frozen past its lease writes nothing after it thaws."""

import asyncio
import json
import uuid

from tests.faults import messages
from tests.faults.checker import History, broken
from tests.faults.cluster import Cluster
from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.sizes import SIZES


async def take_over(alice: Person, cluster: Cluster, owner: int) -> list[str]:
    """Freeze the owner of some runs until another process has taken them over, then let it go on."""
    asked = [
        messages.attempts(messages.words(f"old{uuid.uuid4()}", 400, 50), messages.words(f"new{run}", 40, 50))
        for run in range(SIZES.stopped_runs)
    ]
    runs = [await alice.start(message, server=cluster.servers[owner]) for message in asked]
    for run_id in runs:
        await alice.seen(run_id, "chat_chunk")
    cluster.freeze(owner)
    try:
        for run_id in runs:
            await alice.seen(run_id, "run_resumed")
    finally:
        cluster.thaw(owner)
    await asyncio.gather(*(alice.ended(run_id) for run_id in runs))
    return runs


async def test_a_frozen_owner_writes_nothing_after_another_took_over(cluster: Cluster, alice: Person):
    count = 0
    for number in range(SIZES.stopped_owners):
        for run_id in await take_over(alice, cluster, number % 2):
            journal = await alice.journal(run_id)
            assert broken(History(journal)) == []
            told = [json.loads(body) for body in journal]
            resumed = next(event["seq"] for event in told if event["event_type"] == "run_resumed")
            assert [event for event in told[resumed:] if "old" in event.get("content", "")] == []
            assert told[-1]["event_type"] == "chat_complete"
            count += 1
    record(
        4,
        f"{count} runs whose owner was stopped past its lease: 0 events of the old epoch, 1 terminal event each",
    )
