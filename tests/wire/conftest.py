"""One server on each profile for all these tests, and as many strangers to each other as they need."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.product import PROFILES, Product, Products
from tests.wire.client import Client
from tests.wire.rows import make_person


@pytest.fixture(scope="session")
def settings_of_the_tests(provider: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What every server of these tests is started with."""
    return {
        "OPENAI_BASE_URL": provider,
        "DEFAULT_MODEL": "scripted",
        "MODEL_MAX_RETRIES": 1,
        "MODEL_FIRST_TOKEN_TIMEOUT": 2,
        "MODEL_IDLE_TIMEOUT": 2,
        "TOOL_MODULES": "tests.wire.tools",
        "RATE_LIMIT_SIGN_INS": "3/hour",
        "TRACE_FILE": tmp_path_factory.mktemp("traces") / "trace",
    }


@pytest.fixture(params=PROFILES, scope="session")
def server(
    request: pytest.FixtureRequest, products: Products, settings_of_the_tests: dict[str, object]
) -> Iterator[Product]:
    """The server that these tests share, on either profile: leave it as you found it."""
    server = products.launch(request.param, **settings_of_the_tests)
    server.manage("migrate", "--verbosity", "0")  # takes note of the tests' tools, while the server starts
    server.wait_until_ready()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def other(products: Products, server: Product, settings_of_the_tests: dict[str, object]) -> Iterator[Product]:
    """A second process of the same cluster."""
    other = products.serve(beside=server, **settings_of_the_tests)
    yield other
    assert other.stop() == 0


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session
        await asyncio.sleep(0)


@pytest.fixture
def person(server: Product, session: aiohttp.ClientSession) -> Callable[[], Client]:
    """Each call is somebody new."""
    return lambda: Client(server, session, {"Authorization": f"Bearer {make_person(server)}"})


@pytest.fixture
def alice(person: Callable[[], Client]) -> Client:
    return person()


@pytest.fixture
def bob(person: Callable[[], Client]) -> Client:
    return person()


@pytest.fixture
def charlie(server: Product, session: aiohttp.ClientSession) -> Client:
    """Somebody whom many tests share, as they leave nothing behind."""
    return Client(server, session, server.bearer("charlie"))


@pytest.fixture
def nobody(server: Product, session: aiohttp.ClientSession) -> Client:
    """A client without credentials, on the server's own machine."""
    return Client(server, session, {})


@pytest.fixture
def trace(settings_of_the_tests: dict[str, object]) -> Path:
    """Where the tools `note` and `pay` write a line for each time they are run."""
    path = Path(str(settings_of_the_tests["TRACE_FILE"]))
    path.write_text("")
    return path


@pytest.fixture
def asked(provider: str):
    """What the provider was asked when the last user message was this one: the lists of messages, in order."""

    def asked(message: str) -> list[list[dict[str, object]]]:
        with urllib.request.urlopen(provider.removesuffix("/v1") + "/log", timeout=10) as answer:
            bodies = [request["body"] for request in json.load(answer)["requests"]]
        told = [body["messages"] for body in bodies]
        return [messages for messages in told if [m["content"] for m in messages if m["role"] == "user"][-1] == message]

    return asked
