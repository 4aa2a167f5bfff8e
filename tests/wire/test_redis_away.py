"""Valkey stops and comes back: answers go on, health says so."""

from tests.product import Serve
from tests.wire.client import Client, eventually


async def test_answers_go_on_while_valkey_is_away_and_health_says_so(serve: Serve, session, settings_of_the_tests):
    first = serve("postgres", **settings_of_the_tests)
    second = serve("postgres", beside=first, **settings_of_the_tests)
    alice = Client(first, session, first.bearer("alice"))
    there = alice.at(second)
    async with alice.stream("paced:80:20") as here, there.follow(here.run_id) as elsewhere:
        seen = await elsewhere.until("chat_chunk")
        first.valkey.kill()
        told = [frame.data for frame in await here.rest()]
        mirrored = [frame.data for frame in [*seen, *await elsewhere.rest()]]
    assert mirrored == told

    async def is_degraded() -> bool:
        return (await alice.get("/health")).json["status"] == "degraded"

    await eventually(is_degraded)
    assert (await alice.get("/health")).json["checks"]["redis"] == "unreachable"
    ready = await alice.get("/health/ready")
    assert (ready.status, ready.json["status"]) == (503, "not_ready")
    assert (await alice.get("/health/live")).status == 200
    assert (await alice.ask("say:Without")).json["response"] == "Without"
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
        assert (await there.post(f"/runs/{stream.run_id}/cancel")).json["status"] == "cancelled"

    first.valkey.start()

    async def is_healthy() -> bool:
        return (await alice.get("/health")).json["status"] == "healthy"

    await eventually(is_healthy)
    assert (await there.ask("say:Again")).json["response"] == "Again"
