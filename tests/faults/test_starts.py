"""One caller's starts at all processes at once: each is accepted or told to come back, and one follows the other."""

import asyncio
import json

from tests.faults import messages
from tests.faults.cluster import Cluster
from tests.faults.person import Person
from tests.faults.sizes import SIZES


async def test_starts_at_once_at_all_processes_do_not_stand_in_each_others_way(cluster: Cluster, alice: Person):
    texts = [messages.paced(f"start{number}", count=3) for number in range(SIZES.starts)]
    servers = [cluster.servers[number % len(cluster.servers)] for number in range(SIZES.starts)]
    run_ids = await asyncio.gather(*(alice.start(text, server=at) for text, at in zip(texts, servers, strict=True)))
    assert len(set(run_ids)) == SIZES.starts
    runs = await asyncio.gather(*(alice.ended(run_id) for run_id in run_ids))
    assert {run["status"] for run in runs} == {"completed"}
    assert len({run["conversation_id"] for run in runs}) == SIZES.starts
    listed = json.loads(await alice.get("/conversations?limit=100"))
    assert {run["conversation_id"] for run in runs} <= {one["id"] for one in listed["results"]}
