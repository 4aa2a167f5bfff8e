"""Promise 6: stop stops, from any process and in any state, once, and keeps what was said."""

import asyncio
import json
import time
import uuid

import pytest

from tests.faults import messages
from tests.faults.checker import History, broken
from tests.faults.cluster import Cluster
from tests.faults.effects import EffectsOf
from tests.faults.figures import percentile, record
from tests.faults.person import Person
from tests.faults.provider_log import ProviderLog
from tests.faults.sizes import IS_FULL, SIZES

OWNER_SECONDS, ACROSS_SECONDS = 0.1, 1.0


@pytest.mark.parametrize("canceller", [0, 1], ids=["the owner", "another process"])
async def test_a_cancel_closes_the_providers_socket_and_keeps_the_text(
    cluster: Cluster, alice: Person, provider_log: ProviderLog, canceller: int
):
    took = []
    for number in range(SIZES.cancels):
        message = messages.stalled(f"stop{canceller}.{number}") if number % 2 else messages.silent(f"hush{number}")
        run_id = await alice.start(message, server=cluster.servers[0])
        await provider_log.reached(message)
        left = len(await provider_log.lefts())
        began = time.monotonic()
        cancelling = asyncio.create_task(alice.cancel(run_id, cluster.servers[canceller]))
        took.append(await provider_log.left_at(left) - began)
        told, journal = await cancelling, await alice.journal(run_id)
        assert (told["status"], broken(History(journal))) == ("cancelled", [])
        assert json.loads(journal[-1])["event_type"] == "chat_cancelled"
        assert told["usage"]["estimated"]
        assert await alice.cancel(run_id, cluster.servers[1 - canceller]) == told
    who, bound = ("the owner", OWNER_SECONDS) if canceller == 0 else ("another process", ACROSS_SECONDS)
    record(6, f"{len(took)} cancels by {who}: provider closed p50 {percentile(took, 50) * 1000:.0f} ms, "
              f"p99 {percentile(took, 99) * 1000:.0f} ms (bound {bound * 1000:.0f} ms)")  # fmt: skip
    if IS_FULL:
        assert percentile(took, 99) <= bound


async def test_a_cancel_stops_running_tools_and_the_next_message_works(
    cluster: Cluster, alice: Person, clerk: str, provider_log: ProviderLog, effects_of: EffectsOf
):
    order = str(uuid.uuid4())
    asked = [("charge", {"order": order, "seconds": 600}), ("look", {"order": order, "seconds": 600})]
    message = messages.turns(messages.calls(*asked), messages.words("never", 1, 0))
    run_id = await alice.start(message, server=cluster.servers[0], agent_name=clerk)
    await effects_of.begun(order, 2)
    told = await alice.cancel(run_id, cluster.servers[1])
    assert (told["status"], {call["status"] for call in told["tool_calls"]}) == ("cancelled", {"cancelled"})
    following = messages.paced(f"next {order}", count=2)
    again = await alice.start(following, conversation_id=told["conversation_id"], reset_history=False)
    assert (await alice.ended(again))["status"] == "completed"
    requests = [*await provider_log.requests(message), *await provider_log.requests(following)]
    assert broken(History(await alice.journal(run_id), requests=requests)) == []
    assert [line for line in effects_of.lines(order) if " done " in line] == []


async def test_a_cancel_that_races_the_end_ends_the_run_once(cluster: Cluster, alice: Person):
    statuses = []
    for number in range(SIZES.cancels):
        run_id = await alice.start(messages.paced(f"race{number}", count=3, milliseconds=20))
        await asyncio.sleep(alice.random.uniform(0, 0.1))
        told = await asyncio.gather(*(alice.cancel(run_id, server) for server in cluster.servers))
        assert told[0] == told[1]
        assert broken(History(await alice.journal(run_id))) == []
        statuses.append(told[0]["status"])
    assert set(statuses) <= {"completed", "cancelled"}
    record(6, f"{len(statuses)} cancels from two processes that raced the run: one terminal event each")
