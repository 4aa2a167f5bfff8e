"""An id of somebody else's and one that nobody has: the same answer (test_matrix.py), in the same time."""

import random
import statistics
import time

import pytest

from tests.security.figures import record
from tests.security.house import House
from tests.security.sizes import IS_FULL, SIZES
from tests.wire.client import Client

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
TOLERANCE = 0.1  # of the median: a difference that a stranger could not see through the noise of a network


@pytest.mark.parametrize("path", ["/runs/{run_id}", "/runs/{run_id}/events", "/conversations/{conversation_id}"])
async def test_another_persons_id_and_an_unknown_one_cannot_be_told_apart_by_the_clock(house: House, path: str) -> None:
    alice, bob = (Client(house.server, house.session, house.server.bearer(name)) for name in ("alice", "bob"))
    told = (await alice.ask("say:Hi", reset_history=True)).json
    hers = {name: told[name] for name in ("run_id", "conversation_id")}
    paths = {"hers": path.format(**hers), "unknown": path.format(**dict.fromkeys(hers, UNKNOWN))}
    seconds: dict[str, list[float]] = {kind: [] for kind in paths}
    order = [kind for kind in paths for _ in range(SIZES.id_tries)]
    random.Random(1).shuffle(order)  # noqa: S311 - whatever slows the machine meets both alike
    for kind in order:
        began = time.perf_counter()
        assert (await bob.get(paths[kind])).status == 404
        seconds[kind].append(time.perf_counter() - began)
    foreign, unknown = (statistics.median(seconds[kind]) for kind in paths)
    if IS_FULL:
        assert abs(foreign - unknown) < TOLERANCE * unknown
    record(
        "Another's id and an unknown one take the same time",
        f"`{path}`, {SIZES.id_tries} requests each: median {foreign * 1000:.2f} ms and {unknown * 1000:.2f} ms",
    )
