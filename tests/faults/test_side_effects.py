"""Promise 5: a side effect is never silently doubled."""

import asyncio
import json
import uuid
from typing import Any

from tests.faults import messages
from tests.faults.checker import History, broken
from tests.faults.cluster import Cluster
from tests.faults.effects import EffectsOf
from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.provider_log import ProviderLog
from tests.faults.sizes import SIZES

LONG = (
    3600  # seconds that a tool works the first time: the kill comes first. Under the same key again it is done at once.
)


def asking(order: str) -> str:
    slow = [(name, {"order": order, "seconds": LONG}) for name in ("charge", "book")]
    return messages.turns(
        messages.calls(*slow, ("look", {"order": order, "seconds": 0})), messages.words(f"done {order}", 2, 0)
    )


async def cut(alice: Person, cluster: Cluster, owner: int, clerk: str, effects_of: EffectsOf) -> dict[str, str]:
    """Kill the owner of a few runs between the start and the result of their tools; order -> run."""
    orders = [str(uuid.uuid4()) for _ in range(SIZES.cut_tool_runs)]
    runs = {
        order: await alice.start(asking(order), server=cluster.servers[owner], agent_name=clerk) for order in orders
    }
    for order, run_id in runs.items():
        await effects_of.begun(order, 3)
        await alice.seen(run_id, "tool_call_complete")
    await cluster.kill(owner)
    await asyncio.gather(*(alice.ended(run_id) for run_id in runs.values()))
    await cluster.restart(owner)
    return runs


async def test_tools_that_a_crash_cut_follow_their_replay_rule(
    cluster: Cluster, alice: Person, clerk: str, effects_of: EffectsOf, provider_log: ProviderLog
):
    runs: dict[str, str] = {}
    for number in range(SIZES.cut_tool_rounds):
        runs |= await cut(alice, cluster, number % 2, clerk, effects_of)
    for order, run_id in runs.items():
        run, requests = await alice.run(run_id), await provider_log.requests(asking(order))
        assert run["status"] == "completed"
        assert {call["name"]: call["status"] for call in run["tool_calls"]} == {
            "charge": "outcome_unknown",
            "book": "completed",
            "look": "completed",
        }
        assert broken(History(await alice.journal(run_id), requests=requests)) == []
        assert [len(effects_of.keys(order, name)) for name in ("charge", "book", "look")] == [1, 2, 1]
        assert len(set(effects_of.keys(order, "book"))) == 1
        assert "may or may not" in told_of("c0", requests[-1])
    kills = len(runs)
    record(5, f"{kills} runs killed between a tool's start and its result: {kills} unsafe calls ran once, {kills} "
              f"idempotent ones again under the same key, {kills} finished ones were not run again")  # fmt: skip


def told_of(call_id: str, request: dict[str, Any]) -> str:
    """What the model was told of a call's outcome."""
    return json.dumps([message["content"] for message in request["messages"] if message.get("tool_call_id") == call_id])
