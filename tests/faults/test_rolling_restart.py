"""Promise 10: a deploy loses nothing. Every process is told to stop, hands its runs over and comes back."""

import asyncio
import time

from tests.faults import messages
from tests.faults.balancer import Balancer
from tests.faults.checker import History, Reading, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.reader import Reader
from tests.faults.sizes import IS_FULL, SIZES

RESUMED_SECONDS, DRAIN_SECONDS, STOP_SECONDS = 3.0, 2, 20


class Load:
    """Keeps so many runs going through a balancer, each with its readers, until it is told to end."""

    def __init__(self, alice: Person, balancer: Balancer) -> None:
        self.alice = alice
        self.balancer = balancer
        self.readers: list[Reader] = []
        self.readings: dict[str, list[Reading]] = {}
        self.ending = False

    async def keep(self, lane: int) -> None:
        number = 0
        while number == 0 or not self.ending:
            run_id = await self.alice.start(messages.paced(f"deploy{lane}.{number}", 80, 100), server=self.balancer)
            readers = [
                Reader(self.alice, run_id, f"{run_id}.{seat}", server=self.balancer)
                for seat in range(self.readers_per_run)
            ]
            self.readers += readers
            self.readings[run_id] = await asyncio.gather(*(reader.read(within=200) for reader in readers))
            number += 1

    @property
    def readers_per_run(self) -> int:
        return SIZES.restart_readers // SIZES.restart_runs


async def refuses(alice: Person, cluster: Cluster, number: int) -> float:
    """Seconds after SIGTERM until the process says that it is not ready; its port may be closed as well by then."""
    began = time.monotonic()
    while await asyncio.to_thread(cluster.servers[number].is_ready):
        assert time.monotonic() - began < STOP_SECONDS
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def roll(alice: Person, cluster: Cluster, number: int) -> tuple[float, float]:
    """Stop a process as a deploy does and start it again; seconds until it was not ready, and until it was gone."""
    began = time.monotonic()
    stopping = asyncio.create_task(cluster.stop(number))
    await asyncio.sleep(0)
    unready = await refuses(alice, cluster, number)
    cluster.down.add(number)
    assert await stopping == 0
    gone = time.monotonic() - began
    assert gone < STOP_SECONDS
    await cluster.restart(number)
    return unready, gone


async def test_a_rolling_restart_fails_no_run_and_loses_no_reader(cluster: Cluster, alice: Person):
    async with Balancer(cluster) as balancer:
        load = Load(alice, balancer)
        lanes = [asyncio.create_task(load.keep(lane)) for lane in range(SIZES.restart_runs)]
        await asyncio.sleep(1)
        order = [*range(len(cluster.servers))] * SIZES.restarts
        rolled = [await roll(alice, cluster, number) for number in order]
        load.ending = True
        await asyncio.gather(*lanes)
    found = []
    for run_id, readings in load.readings.items():
        assert (await alice.run(run_id))["status"] == "completed"
        found += broken(History(await alice.journal(run_id), readings)) + unfinished(readings)
    assert not found
    unready, gone = (max(times) for times in zip(*rolled, strict=True))
    silence = max(reader.longest_silence for reader in load.readers)
    record(10, f"{len(rolled)} restarts behind a balancer under {SIZES.restart_runs} runs "
               f"and {SIZES.restart_readers} readers: 0 of {len(load.readings)} runs failed; "
               f"not ready after {unready:.2f} s, gone after {gone:.1f} s (drain {DRAIN_SECONDS} s), "
               f"readers waited {silence:.1f} s")  # fmt: skip
    if IS_FULL:
        assert silence <= RESUMED_SECONDS
