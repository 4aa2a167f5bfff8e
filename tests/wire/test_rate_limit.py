"""RATE_LIMIT_MESSAGES: counted exactly, on one process and on two."""

import asyncio

import aiohttp
import pytest

from tests.product import PROFILES, Product, Products
from tests.wire.client import Client
from tests.wire.rows import counts

LIMIT = 5


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
    for _ in range(LIMIT):
        assert (await alice.ask("say:Hello")).status == 200
    before = counts(server)
    for path in ("/chat", "/chat/stream"):
        refused = await alice.post(path, {"message": "say:More"})
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert "RATE_LIMIT_MESSAGES" in refused.error["message"]
        assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    async with alice.socket() as socket:
        (frame,) = await socket.chat("say:More")
        assert frame["data"]["error_code"] == "rate_limited"
        assert frame["data"]["retry_after"] > 3500
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
        assert (await bob.ask("say:Hello", headers=key)).status == 200
    assert (await bob.ask("say:Hello")).status == 200
