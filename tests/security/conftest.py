"""One server that all attacks share: each of them leaves it running."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.product import Product, Products
from tests.security.house import House
from tests.security.sizes import SIZES

FRIEND = "https://app.example.com"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(SIZES.test_seconds))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps no cookies: who asks is said by each request."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture(scope="package")
def cluster(products: Products, provider: str) -> Iterator[list[Product]]:
    """Two processes that share a database: no open access, and one other origin whose pages may call."""
    before = len(products)
    settings = {"OPENAI_BASE_URL": provider, "OPEN_ACCESS": 0, "DRAIN_SECONDS": 0, "LOG_LEVEL": "DEBUG"}
    first = products.launch("postgres", **settings, CORS_ALLOWED_ORIGINS=FRIEND)
    second = products.launch(beside=first, **settings, CORS_ALLOWED_ORIGINS=FRIEND)
    for server in (first, second):
        server.wait_until_ready()
    yield [first, second]
    products.end(since=before)


@pytest.fixture(scope="package")
def impatient(products: Products, provider: str) -> Iterator[Product]:
    """A server that waits for its clients for a few seconds only (tests.security.impatient)."""
    before = len(products)
    yield products.serve(
        DJANGO_SETTINGS_MODULE="tests.security.settings",
        OPEN_ACCESS=0,
        OPENAI_BASE_URL=provider,
        DEFAULT_MODEL="scripted",
    )
    products.end(since=before)


@pytest.fixture
async def house(impatient: Product) -> AsyncIterator[House]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield House(impatient, session)
