"""A key that is wrong and a key that nobody has: the same answer, in the same time."""

import random
import statistics
import time

from tests.security.figures import record
from tests.security.house import House
from tests.security.sizes import IS_FULL, SIZES

TOLERANCE = 0.1  # of the median: a difference that a stranger could not see through the noise of a network


async def test_a_wrong_secret_and_an_unknown_key_cannot_be_told_apart(house: House) -> None:
    prefix, _, secret = house.server.keys["alice"].partition(".")
    kinds = {"wrong": f"{prefix}.{secret[::-1]}", "unknown": f"{prefix[::-1]}.{secret}"}
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    bodies = set()
    order = [kind for kind in kinds for _ in range(SIZES.key_tries)]
    random.Random(1).shuffle(order)  # noqa: S311 - whatever slows the machine meets both alike
    for kind in order:
        began = time.perf_counter()
        headers = {"Authorization": f"Bearer {kinds[kind]}"}
        async with house.session.get(f"{house.server.url}/tools", headers=headers) as answer:
            body = await answer.json()
        seconds[kind].append(time.perf_counter() - began)
        bodies.add((answer.status, body["error"]["code"], body["error"]["message"]))
    assert len(bodies) == 1
    wrong, unknown = (statistics.median(seconds[kind]) for kind in kinds)
    if IS_FULL:
        assert abs(wrong - unknown) < TOLERANCE * unknown
    record(
        "A wrong key and an unknown one take the same time",
        f"{SIZES.key_tries} requests each: median {wrong * 1000:.2f} ms and {unknown * 1000:.2f} ms, same bytes",
    )
