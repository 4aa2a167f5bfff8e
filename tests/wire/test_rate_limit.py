"""RATE_LIMIT_MESSAGES: counted exactly, on one process and on two."""

import asyncio

import aiohttp
import pytest

from tests.product import PROFILES, Product, Products
from tests.wire.client import Client
from tests.wire.rows import counts

LIMIT = 5
INTERVAL = 3600 / LIMIT


@pytest.fixture(scope="module", params=PROFILES)
def server(request: pytest.FixtureRequest, products: Products, settings_of_the_tests: dict[str, object]):
    """A server of its own that takes few messages."""
    server = products.serve(request.param, **{**settings_of_the_tests, "RATE_LIMIT_MESSAGES": f"{LIMIT}/hour"})
    yield server
    assert server.stop() == 0


@pytest.fixture
def alice(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("alice"))


@pytest.fixture
def bob(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("bob"))


async def test_messages_beyond_the_limit_are_refused_and_not_stored(alice: Client, bob: Client, server):
    for sent in range(1, LIMIT + 1):
        answer = await alice.ask("say:Hello")
        assert (answer.status, answer.headers["RateLimit-Limit"]) == (200, str(LIMIT))
        assert answer.headers["RateLimit-Remaining"] == str(LIMIT - sent)
    before = counts(server)
    for path in ("/chat", "/chat/stream"):
        refused = await alice.post(path, {"message": "say:More"})
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert "RATE_LIMIT_MESSAGES" in refused.error["message"]
        assert INTERVAL - 100 < int(refused.headers["Retry-After"]) <= INTERVAL
        assert refused.headers["RateLimit-Remaining"] == "0"
        assert 3500 < int(refused.headers["RateLimit-Reset"]) <= 3600
    async with alice.socket() as socket:
        (frame,) = await socket.chat("say:More")
        assert frame["data"]["error_code"] == "rate_limited"
        assert frame["data"]["retry_after"] > INTERVAL - 100
        await socket.send("ping")
        assert (await socket.receive())["type"] == "pong"
    assert counts(server) == before
    assert (await bob.ask("say:Hello")).status == 200


async def test_of_many_messages_at_once_exactly_so_many_are_taken(charlie: Client):
    answers = await asyncio.gather(*(charlie.ask("say:Hello", reset_history=True) for _ in range(3 * LIMIT)))
    assert sorted(answer.status for answer in answers) == [200] * LIMIT + [429] * 2 * LIMIT


async def test_a_known_idempotency_key_is_no_new_message(bob: Client):
    key = {"Idempotency-Key": "again"}
    for _ in range(3 * LIMIT):
        answer = await bob.ask("say:Hello", headers=key)
        assert (answer.status, answer.headers["RateLimit-Remaining"]) == (200, str(LIMIT - 2))
    assert (await bob.ask("say:Hello")).status == 200


async def test_a_stream_tells_what_is_left_and_so_does_coming_back_to_it(bob: Client):
    async with bob.stream("say:Hello") as stream:
        frames = await stream.rest()
        left = stream.headers["RateLimit-Remaining"]
    assert int(left) < LIMIT
    async with bob.stream("say:Hello", headers={"Last-Event-ID": frames[0].id}) as again:
        assert (again.status, again.headers["RateLimit-Remaining"]) == (200, left)


async def test_deleting_a_conversation_gives_no_message_back(charlie: Client):
    for conversation in (await charlie.get("/conversations")).json["results"]:
        await charlie.send("DELETE", f"/conversations/{conversation['id']}")
    assert (await charlie.ask("say:Hello")).code == "rate_limited"
