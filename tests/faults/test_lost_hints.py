"""Promise 7: Redis may die, freeze or lose messages. Runs go on and nobody misses an event."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.faults import messages
from tests.faults.checker import History, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.reader import Reader
from tests.faults.sizes import IS_FULL, SIZES
from tests.faults.switches import Switches

LATE_SECONDS = 3.0
Fault = Callable[[Cluster, Switches], Awaitable[None]]


async def killed(cluster: Cluster, switches: Switches) -> None:
    await asyncio.to_thread(cluster.first.valkey.kill)
    await asyncio.sleep(SIZES.redis_away_seconds)
    await asyncio.to_thread(cluster.first.valkey.start)


async def frozen(cluster: Cluster, switches: Switches) -> None:
    cluster.first.valkey.pause()
    await asyncio.sleep(2 * SIZES.redis_away_seconds)
    cluster.first.valkey.resume()


def losing(percent: int) -> Fault:
    async def lose(cluster: Cluster, switches: Switches) -> None:
        switches.lose_hints(percent)
        await asyncio.sleep(SIZES.redis_away_seconds)

    return lose


FAULTS: dict[str, Fault] = {
    "killed": killed,
    "frozen": frozen,
    **{f"losing {percent} %": losing(percent) for percent in SIZES.lossy},
}


@pytest.mark.parametrize("name", FAULTS)
async def test_readers_at_the_other_process_miss_nothing_while_redis_is(
    cluster: Cluster, alice: Person, switches: Switches, name: str
):
    asked = [messages.paced(f"{name} {number}", SIZES.redis_words, 50) for number in range(SIZES.redis_streams)]
    runs = [await alice.start(text, server=cluster.servers[number % 2]) for number, text in enumerate(asked)]
    readers = [
        Reader(alice, run_id, f"reader of {run_id}", server=cluster.servers[1 - number % 2])
        for number, run_id in enumerate(runs)
    ]
    reading = [asyncio.create_task(reader.read()) for reader in readers]
    await asyncio.sleep(0.5)
    try:
        await FAULTS[name](cluster, switches)
        stopped = await alice.start(messages.stalled(name), server=cluster.servers[0])
        await asyncio.wait_for(alice.cancel(stopped, cluster.servers[1]), 30)
        assert (await alice.ended(stopped))["status"] == "cancelled"
        readings = await asyncio.gather(*reading)
    finally:
        switches.lose_hints(0)
    found = unfinished(readings)
    for run_id, seen in zip(runs, readings, strict=True):
        found += broken(History(await alice.journal(run_id), [seen]))
        assert (await alice.run(run_id))["status"] == "completed"
    assert not found
    late = max(reader.longest_silence for reader in readers)
    record(7, f"Redis {name} under {len(runs)} streams: 0 events lost, followers elsewhere at most {late:.1f} s late")
    if IS_FULL:
        assert late <= LATE_SECONDS
