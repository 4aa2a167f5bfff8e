"""Where the model is, with which key and as whom: no request says so, and no model."""

import json
from collections.abc import Iterator

import aiohttp
import pytest

from tests.product import Product, Products
from tests.security.echoing_provider import EchoingProvider, echoing_provider
from tests.wire.client import Client
from tests.wire.conftest import session

__all__ = ["session"]
KEY = "sk-of-the-configuration"
EVIL = "http://127.0.0.1:9/v1"
STEERING = {
    "base_url": EVIL,
    "api_key": "sk-of-the-request",
    "api_base": EVIL,
    "headers": {"Authorization": "Bearer x"},
    "extra_headers": {"X-Steered": "1"},
    "extra_body": {"x": 1},
    "organization": "org",
    "proxy": EVIL,
    "user": "bob",
    "user_id": 1,
    "owner": 1,
    "caller": "bob",
    "scopes": ["agents"],
}


@pytest.fixture(scope="module")
def provider() -> Iterator[EchoingProvider]:
    with echoing_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(products: Products, provider: EchoingProvider) -> Iterator[Product]:
    server = products.serve(OPENAI_BASE_URL=provider.url, OPENAI_API_KEY=KEY)
    yield server
    assert server.stop() == 0


@pytest.fixture
def alice(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("alice"))


@pytest.mark.parametrize("name", STEERING)
async def test_a_chat_that_would_steer_is_refused_by_name(provider: EchoingProvider, alice: Client, name: str):
    before = len(provider.seen)
    for path in ("/chat", "/chat/stream"):
        refused = await alice.post(path, {"message": "hello", name: STEERING[name]})
        assert (refused.status, refused.code) == (400, "invalid_request")
        assert name in refused.error["message"]
    async with alice.socket() as socket:
        await socket.send("chat", {"message": "hello", name: STEERING[name]})
        frame = await socket.receive()
        assert (frame["type"], frame["data"]["error_code"]) == ("error", "invalid_request")
        assert name in frame["data"]["error_message"]
    assert len(provider.seen) == before


@pytest.mark.parametrize("name", STEERING)
async def test_an_agent_that_would_steer_is_refused_by_name(alice: Client, name: str):
    for config in ({name: STEERING[name]}, {"model_settings": {name: STEERING[name]}}):
        for method, path in (("POST", "/agents/steered"), ("PUT", "/agents/default"), ("PATCH", "/agents/default")):
            refused = await alice.send(method, path, config)
            assert (refused.status, refused.code) == (400, "invalid_request")
            assert name in json.dumps(refused.error)


@pytest.mark.parametrize("provider_name", [EVIL, "elsewhere", "OPENAI", "", "../default"])
async def test_a_provider_that_is_not_in_the_configuration_is_refused(alice: Client, provider_name: str):
    refused = await alice.post("/agents/steered", {"provider": provider_name})
    assert refused.status == 400
    assert "provider" in refused.error["message"]


async def test_the_provider_gets_the_configured_key_and_nothing_of_the_callers(provider, server, alice: Client):
    headers = {"OpenAI-Organization": "x", "X-Api-Key": "x", "Cookie": "sessionid=x", "X-Forwarded-For": "x",
               "X-Stainless-Helper": "x", "X-Request-Id": "steering-1"}  # fmt: skip
    assert (await alice.ask("hello", headers=headers)).status == 200
    sent, body = provider.seen[-1]
    assert sent["authorization"] == f"Bearer {KEY}"
    assert not {name.lower() for name in headers} & sent.keys()
    assert server.keys["alice"].partition(".")[2] not in f"{sent} {body}"
    assert "alice" not in f"{sent} {body}"
