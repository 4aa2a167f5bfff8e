"""Promise 1: a reader that comes back gets exactly what it has not had, anywhere and by any transport."""

import asyncio
import uuid
from collections import Counter

from tests.faults import messages
from tests.faults.checker import History, Reading, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.figures import record
from tests.faults.person import TRANSPORTS, Person
from tests.faults.provider_log import ProviderLog
from tests.faults.reader import Reader
from tests.faults.sizes import SIZES

AT_ONCE = 60


async def test_readers_that_are_cut_anywhere_see_the_whole_journal(alice: Person):
    run_id = await alice.start(messages.paced("resume", count=80, milliseconds=50))
    readers = [Reader(alice, run_id, f"reader {number}") for number in range(SIZES.resume_readers)]

    def cuts() -> list[int]:
        return [alice.random.randint(1, 12) for _ in range(SIZES.resume_cuts)]

    readings = await asyncio.gather(*(reader.read(cuts=cuts(), within=200) for reader in readers))
    late = [await Reader(alice, run_id, kind, transport=kind).read() for kind in TRANSPORTS]
    journal = await alice.journal(run_id)
    assert broken(History(journal, [*readings, *late])) == []
    assert unfinished([*readings, *late]) == []
    record(1, f"{len(readers)} readers × {SIZES.resume_cuts} cuts: every union equals the journal")


async def test_no_event_is_lost_where_an_attach_races_the_run(cluster: Cluster, alice: Person):
    run_id = await alice.start(messages.paced("attach", count=200, milliseconds=20))
    slots = asyncio.Semaphore(AT_ONCE)
    readings: list[Reading] = []
    starts: Counter[bool] = Counter()

    async def attach(number: int) -> None:
        async with slots:
            reader = Reader(alice, run_id, f"attach {number}")
            await reader.read(cuts=[alice.random.randint(1, 3)] if number % 4 else [], within=200)
            readings.append(reader.reading)
            starts[reader.lost == 0] += 1

    await asyncio.gather(*(attach(number) for number in range(SIZES.attaches)))
    assert broken(History(await alice.journal(run_id), readings)) == []
    assert unfinished(readings) == []
    record(1, f"{len(readings)} attaches to a run: 0 events lost")


async def test_the_same_request_sent_many_times_at_once_is_one_run(
    cluster: Cluster, alice: Person, provider_log: ProviderLog
):
    message, key = messages.paced("once", count=5), str(uuid.uuid4())
    async with cluster.grown_to(SIZES.same_posts_processes):
        started = await asyncio.gather(*(alice.start(message, key=key) for _ in range(SIZES.same_posts)))
    assert len(set(started)) == 1
    assert (await alice.ended(started[0]))["status"] == "completed"
    assert len(await provider_log.requests(message)) == 1
    headers = {**alice.bearer, "Idempotency-Key": key}
    url, other = f"{cluster.first.url}/chat/stream", {"message": "say:other", "reset_history": True}
    async with alice.session.post(url, json=other, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (422, "idempotency_mismatch")
    record(
        1, f"{SIZES.same_posts} posts with one key over {SIZES.same_posts_processes} processes: 1 run, 1 provider call"
    )


async def test_a_cursor_that_no_reader_can_hold_is_refused(cluster: Cluster, alice: Person):
    run_id = await alice.start(messages.paced("cursor", count=3))
    await alice.ended(run_id)
    refused = {}
    for after in ("-1", "two", "1e3", "99999"):
        url = f"{cluster.first.url}/runs/{run_id}/events?after={after}"
        async with alice.session.get(url, headers=alice.bearer) as answer:
            refused[after] = answer.status
    url = f"{cluster.first.url}/runs/{run_id}/events?after=0"
    async with alice.session.get(url, headers=cluster.first.bearer("bob")) as answer:
        refused["bob"] = answer.status
    assert refused == {"-1": 400, "two": 400, "1e3": 400, "99999": 400, "bob": 404}
