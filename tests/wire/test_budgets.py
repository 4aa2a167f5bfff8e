"""Budgets as clients meet them: refused before the model is asked, counted once, shown to their owner only."""

import asyncio
import json

import aiohttp
import pytest

from tests.product import PROFILES, Product, Products
from tests.wire.client import Client, eventually
from tests.wire.rows import execute, select
from tests.wire.scripts import calls, says, turns

NEEDED = 1010  # of a short message to an agent with default instructions


@pytest.fixture(scope="module", params=PROFILES)
def server(request: pytest.FixtureRequest, products: Products, settings_of_the_tests: dict[str, object]):
    """A server of its own, on which each user has a budget for three messages at once."""
    server = products.serve(request.param, **settings_of_the_tests)
    execute(
        server,
        "INSERT INTO chat_budget (subject, period, tokens) VALUES ('each_user', 'day', ?)",
        3 * (NEEDED + 20),
    )
    yield server
    assert server.stop() == 0


def counter(server: Product, name: str) -> tuple[int, int]:
    query = (
        "SELECT used, reserved FROM chat_spending JOIN auth_user ON auth_user.id = holder WHERE auth_user.username = ?"
    )
    return select(server, query, name)[0]


def asks_a_tool(*usage: int) -> list[dict]:
    """A turn of the model that has used so many tokens of input and output."""
    return [*calls(("calculate", {"expression": "1"}))[:-2], {"usage": usage}, {"done": True}]


@pytest.fixture
def alice(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("alice"))


@pytest.fixture
def bob(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("bob"))


async def test_of_many_messages_at_once_no_more_start_than_the_budget_has(charlie: Client, server):
    said = "paced:40:50"
    answers = await asyncio.gather(*(charlie.ask(said, reset_history=True) for _ in range(12)))
    taken = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 429]
    assert (len(taken), len(refused)) == (3, 9)
    assert {answer.code for answer in refused} == {"budget_exceeded"}
    assert {answer.headers["Retry-After"] for answer in refused} == {"5"}
    assert counter(server, "charlie") == (3 * 50, 0)
    use = (await charlie.get("/usage")).json
    assert (use["day"]["runs"], use["day"]["input_tokens"], use["day"]["output_tokens"]) == (3, 30, 120)
    (budget,) = use["budgets"]
    assert (budget["used"], budget["reserved"], budget["remaining"]) == (150, 0, budget["tokens"] - 150)


async def test_what_is_used_up_is_refused_on_every_transport_and_the_model_is_not_asked(bob: Client, server):
    big = json.dumps([{"text": "x"}, {"finish": "stop"}, {"usage": [2000, 500]}, {"done": True}])
    assert (await bob.ask(big)).status == 200
    for path in ("/chat", "/chat/stream"):
        refused = await bob.post(path, {"message": "say:More"})
        assert (refused.status, refused.code) == (429, "budget_exceeded")
        assert refused.error["details"]["used"] == 2500
        assert 5 < int(refused.headers["Retry-After"]) <= 86400
        assert "RateLimit-Remaining" in refused.headers
    async with bob.socket() as socket:
        (frame,) = await socket.chat("say:More")
    assert (frame["data"]["error_code"], frame["data"]["details"]["period"]) == ("budget_exceeded", "day")
    assert frame["data"]["retry_after"] > 5
    assert counter(server, "bob") == (2500, 0)


async def test_stopped_failed_and_long_runs_count_what_they_used(alice: Client, server):
    async with alice.stream("paced:400:20") as stream:
        await stream.until("chat_chunk")
        await alice.post(f"/runs/{stream.run_id}/cancel")
    stopped = (await alice.get(f"/runs/{stream.run_id}")).json["usage"]
    assert stopped["estimated"]
    used = stopped["input_tokens"] + stopped["output_tokens"]
    assert counter(server, "alice") == (used, 0)
    await alice.ask(turns(asks_a_tool(900, 100), says("no")), reset_history=True)
    used += 1000 + 15
    assert counter(server, "alice") == (used, 0)
    ended = await alice.ask(turns(asks_a_tool(1500, 100), says("no")), reset_history=True)
    assert (ended.status, ended.code) == (429, "budget_exceeded")
    assert counter(server, "alice") == (used + 1600, 0)
    run = (await alice.get(f"/runs/{ended.error['details']['run_id']}")).json
    assert (run["status"], run["tool_calls"]) == ("failed", [])


async def test_a_run_whose_process_dies_is_counted_once(products: Products, settings_of_the_tests, session, server):
    quick = {**settings_of_the_tests, "LEASE_SECONDS": 1}
    dying = products.serve(beside=server, **quick)
    execute(server, "UPDATE chat_budget SET tokens = 100000")
    person = Client(dying, session, {"Authorization": f"Bearer {server.create_api_key('dora')}"})
    async with person.stream("paced:100:20") as stream:
        await stream.until("chat_chunk")
        assert counter(server, "dora")[1] > 0
        await asyncio.to_thread(dying.kill)
    person = person.at(server)

    async def ended() -> bool:
        return (await person.get(f"/runs/{stream.run_id}")).json["status"] == "completed"

    await eventually(ended, seconds=30)
    usage = (await person.get(f"/runs/{stream.run_id}")).json["usage"]
    assert counter(server, "dora") == (usage["input_tokens"] + usage["output_tokens"], 0)
