"""Promise 2: what a client has received is stored, whenever its server dies."""

import asyncio

from tests.faults import messages
from tests.faults.checker import History, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.reader import Reader
from tests.faults.sizes import SIZES

RUNS = 8


async def round_of_runs(hermit: Person, alone: Cluster, number: int) -> int:
    """Kill the server at a random moment of a few runs, start it again; how many events its readers had by then."""
    asked = [messages.paced(f"shown{number}.{run}", count=120, milliseconds=15) for run in range(RUNS)]
    runs = await asyncio.gather(*(hermit.start(message) for message in asked))
    readers = [Reader(hermit, run_id, f"reader of {run_id}") for run_id in runs]
    reading = [asyncio.create_task(reader.read(within=200)) for reader in readers]
    await asyncio.sleep(hermit.random.uniform(0.1, 1.5))
    await alone.kill(0)
    seen = sum(len(reader.reading.received) for reader in readers)
    await alone.restart(0)
    await asyncio.gather(*reading)
    found = unfinished(reader.reading for reader in readers)
    for reader in readers:
        found += broken(History(await hermit.journal(reader.run_id), [reader.reading]))
    assert not found
    return seen


async def test_no_event_that_was_received_is_missing_after_a_kill(alone: Cluster, hermit: Person):
    seen = [await round_of_runs(hermit, alone, number) for number in range(SIZES.shown_kills)]
    record(2, f"{len(seen)} kills -9 of the only process, {sum(seen)} events received before them: 0 missing")
