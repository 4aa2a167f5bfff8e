"""Promise 3: a run that was accepted reaches a terminal, visible state, whatever process dies."""

import asyncio
import time

from tests.faults import messages
from tests.faults.checker import History, Reading, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.conftest import LEASE_SECONDS
from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.provider_log import ProviderLog
from tests.faults.reader import Reader
from tests.faults.sizes import IS_FULL, SIZES

SWEEP_SECONDS = LEASE_SECONDS / 3 * 1.2
LIVES = 3


async def ask(alice: Person, number: int, slots: asyncio.Semaphore) -> tuple[str, str, Reading]:
    message = messages.paced(f"crash{number}", SIZES.crash_words, 50)
    async with slots:
        run_id = await alice.start(message)
        return run_id, message, await Reader(alice, run_id, f"reader of {number}").read(within=600)


async def kill_its_owners(cluster: Cluster, alice: Person, unlucky: str) -> list[float]:
    """Kill each process that runs the unlucky run; the seconds that it took until it went on, or was given up."""
    took = []
    for life in range(1, LIVES + 1):
        await asyncio.sleep(alice.random.uniform(0.5, 1.5))
        number = (life - 1) % len(cluster.servers)
        await cluster.kill(number)
        began = time.monotonic()
        if life < LIVES:
            await alice.seen(unlucky, "run_resumed", times=life)
        else:
            await alice.ended(unlucky)
        took.append(time.monotonic() - began)
        await cluster.restart(number)
    return took


async def kill_at_random(cluster: Cluster, alice: Person) -> None:
    """Kill any process, at any moment, as long as the small size or the full one says."""
    async with cluster.grown_to(SIZES.crash_processes):
        for _ in range(SIZES.crash_kills - LIVES):
            await asyncio.sleep(alice.random.uniform(0.5, 1.5))
            number = alice.random.randrange(len(cluster.servers))
            await cluster.kill(number)
            await asyncio.sleep(alice.random.uniform(0, 1))
            await cluster.restart(number)


async def test_every_accepted_run_ends_once_though_processes_are_killed(
    cluster: Cluster, alice: Person, provider_log: ProviderLog
):
    unlucky = await alice.start(messages.stalled("unlucky"), server=cluster.servers[0])
    slots = asyncio.Semaphore(SIZES.crash_at_once)
    asking = asyncio.gather(*(ask(alice, number, slots) for number in range(SIZES.crash_runs)))
    took = await kill_its_owners(cluster, alice, unlucky)
    await kill_at_random(cluster, alice)
    told = await asking
    found, statuses = unfinished(reading for _, _, reading in told), []
    for run_id, message, reading in told:
        statuses.append((await alice.run(run_id))["status"])
        requests = await provider_log.requests(message)
        found += broken(History(await alice.journal(run_id), [reading], requests))
    assert not found
    assert set(statuses) <= {"completed", "failed"}
    await require_given_up(alice, unlucky)
    record(3, f"{len(told)} runs, {SIZES.crash_kills} kills -9 of {SIZES.crash_processes} processes: all terminal, "
              f"{statuses.count('failed')} given up; a run went on at most {max(took):.1f} s after its process died "
              f"(lease {LEASE_SECONDS} s)")  # fmt: skip
    if IS_FULL:
        assert max(took) <= LEASE_SECONDS + 2 * SWEEP_SECONDS


async def require_given_up(alice: Person, run_id: str) -> None:
    """A run that has lost three processes fails, and says so."""
    run, journal = await alice.run(run_id), await alice.journal(run_id)
    assert (run["status"], run["error"]["code"]) == ("failed", "internal_error")
    assert broken(History(journal)) == []
