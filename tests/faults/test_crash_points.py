"""Promise 12: whichever commit of a run a process dies at, right before it or right after, the run ends well."""

import asyncio
import uuid
from collections.abc import Iterator
from itertools import count

import pytest

from tests.faults import messages
from tests.faults.checker import History, broken, unfinished
from tests.faults.cluster import Cluster
from tests.faults.effects import EffectsOf
from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.provider_log import ProviderLog
from tests.faults.reader import Reader
from tests.faults.sizes import SIZES
from tests.faults.switches import Side, Switches
from tests.faults.waiting import until

FEWEST_COMMITS = 6  # of this run: how many it has beyond them depends on what comes together


def asking(order: str) -> str:
    wanted = [(name, {"order": order, "seconds": seconds}) for seconds, name in enumerate(("look", "book", "charge"))]
    first = [{"text": f"Let me see to {order}."}, *messages.calls(*wanted)]
    return messages.turns(first, messages.words(f"done {order}", 3, 0))


async def serve_again(alone: Cluster, death: asyncio.Task[None]) -> None:
    """Start the process again when it has died."""
    await death
    await alone.restart(0)


async def died(alone: Cluster) -> None:
    server = alone.first

    async def has_ended() -> bool:
        return not server.process.is_running()

    await until(has_ended)


@pytest.fixture(scope="module")
def kills() -> Iterator[set[tuple[int, Side]]]:
    """The commits at which the process died, and on which side of them."""
    points: set[tuple[int, Side]] = set()
    yield points
    whole = next(commit for commit in count(1) if not {(commit, "before"), (commit, "after")} <= points) - 1
    record(12, f"{len(points)} kills, among them one right before and one right after each of the first {whole} "
               "commits of a run with three tools: every run completed with a valid history")  # fmt: skip


@pytest.mark.parametrize(("commit", "side"), SIZES.crash_points)
async def test_a_run_ends_well_though_its_process_died_at(
    alone: Cluster,
    hermit: Person,
    hermits_clerk: str,
    switches: Switches,
    effects_of: EffectsOf,
    provider_log: ProviderLog,
    kills: set[tuple[int, Side]],
    commit: int,
    side: Side,
):
    order = str(uuid.uuid4())
    message, following = asking(order), messages.paced(f"next {order}", 2)
    switches.crash_at(commit, side)
    death = asyncio.create_task(died(alone))
    again = asyncio.create_task(serve_again(alone, death))
    run_id = await hermit.start(message, agent_name=hermits_clerk)
    reading = await Reader(hermit, run_id).read()
    run = await hermit.ended(run_id)
    if switches.disarm():
        assert commit > FEWEST_COMMITS, "nothing has died: are commits still noticed?"
        death.cancel()
        again.cancel()
        return
    await again
    nxt = await hermit.start(following, conversation_id=run["conversation_id"], reset_history=False)
    assert [run["status"], (await hermit.ended(nxt))["status"]] == ["completed", "completed"]
    requests = [*await provider_log.requests(message), *await provider_log.requests(following)]
    assert broken(History(await hermit.journal(run_id), [reading], requests)) + unfinished([reading]) == []
    assert len(effects_of.keys(order, "charge")) <= 1
    assert len(set(effects_of.keys(order, "book"))) <= 1
    kills.add((commit, side))
