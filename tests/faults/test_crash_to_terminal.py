"""Promise 3: a run that was accepted reaches a terminal, visible state, whatever process dies."""

import asyncio
import time

from tests.faults import messages
from tests.faults.checker import History, Reading, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.conftest import LEASE_SECONDS
from tests.faults.figures import percentile, record
from tests.faults.person import Person
from tests.faults.provider_log import ProviderLog
from tests.faults.reader import Reader
from tests.faults.sizes import IS_FULL, SIZES

AT_ONCE = 60
SWEEP_SECONDS = LEASE_SECONDS / 3 * 1.2


async def ask(alice: Person, number: int, slots: asyncio.Semaphore) -> tuple[str, str, Reading]:
    message = messages.paced(f"crash{number}", count=60, milliseconds=50)
    async with slots:
        run_id = await alice.start(message)
        return run_id, message, await Reader(alice, run_id, f"reader of {number}").read(within=600)


async def kill_in_turn(cluster: Cluster, alice: Person, done: asyncio.Event) -> list[float]:
    """Kill one process after the other while there is work; the times of the kills."""
    killed = []
    for kill in range(SIZES.crash_kills):
        await asyncio.sleep(alice.random.uniform(0.5, 1.5))
        if done.is_set() and IS_FULL:
            break
        number = kill % len(cluster.servers)
        await cluster.kill(number)
        killed.append(time.monotonic())
        await cluster.restart(number)
    return killed


async def test_every_accepted_run_ends_once_though_processes_are_killed(
    cluster: Cluster, alice: Person, provider_log: ProviderLog
):
    slots, done = asyncio.Semaphore(AT_ONCE), asyncio.Event()
    killing = asyncio.create_task(kill_in_turn(cluster, alice, done))
    told = await asyncio.gather(*(ask(alice, number, slots) for number in range(SIZES.crash_runs)))
    done.set()
    killed = await killing
    found = unfinished(reading for _, _, reading in told)
    statuses = []
    for run_id, message, reading in told:
        statuses.append((await alice.run(run_id))["status"])
        requests = await provider_log.requests(message)
        found += broken(History(await alice.journal(run_id), [reading], requests))
    assert not found
    assert set(statuses) <= {"completed", "failed"}
    record(3, f"{len(told)} runs, {len(killed)} kills -9: {len(told)} terminal, {statuses.count('failed')} given up")


async def test_a_run_that_three_processes_died_of_fails_and_says_so(cluster: Cluster, alice: Person):
    run_id = await alice.start(messages.stalled("three"), server=cluster.servers[0])
    waited = []
    for kill in range(3):
        number = kill % 2
        await cluster.kill(number)
        began = time.monotonic()
        if kill < 2:
            await alice.seen(run_id, "run_resumed", times=kill + 1)
        else:
            await alice.ended(run_id)
        waited.append(time.monotonic() - began)
        await cluster.restart(number)
    run = await alice.run(run_id)
    assert broken(History(await alice.journal(run_id))) == []
    assert (run["status"], run["error"]["code"]) == ("failed", "internal_error")
    record(
        3,
        f"taken over {percentile(waited, 50):.1f} s after a kill (lease {LEASE_SECONDS} s), worst {max(waited):.1f} s",
    )
    if IS_FULL:
        assert max(waited) <= LEASE_SECONDS + 2 * SWEEP_SECONDS
