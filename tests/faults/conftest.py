"""One cluster of two processes and one process alone, which all promises share: each test leaves them running."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.faults.cluster import Cluster
from tests.faults.effects import EffectsOf
from tests.faults.person import Person
from tests.faults.provider_log import ProviderLog
from tests.faults.sizes import SIZES
from tests.faults.switches import Switches
from tests.processes import Processes
from tests.product import Products

HERE = Path(__file__).parent
LEASE_SECONDS = 4


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(SIZES.test_seconds))


@pytest.fixture(scope="session")
def fault_provider(processes: Processes) -> str:
    """The base URL of a scripted provider whose log holds the requests of these tests only."""
    process = processes.start("provider", [sys.executable, "-m", "tests.faults.provider"])
    process.wait_for("/v1\n")
    return process.log.strip()


@pytest.fixture(scope="session")
def effects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tools write what they do: see tests.faults.tools_under_test."""
    path = tmp_path_factory.mktemp("effects") / "effects"
    path.touch()
    return path


@pytest.fixture(scope="session")
def switches(tmp_path_factory: pytest.TempPathFactory) -> Switches:
    return Switches(tmp_path_factory.mktemp("switches"))


@pytest.fixture(scope="session")
def fault_settings(fault_provider: str, effects: Path, switches: Switches) -> dict[str, object]:
    return {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "FAULT_SWITCHES": switches.folder,
        "OPENAI_BASE_URL": fault_provider,
        "DEFAULT_MODEL": "scripted",
        "LEASE_SECONDS": LEASE_SECONDS,
        "MODEL_FIRST_TOKEN_TIMEOUT": 900,
        "MODEL_IDLE_TIMEOUT": 900,
        "DRAIN_SECONDS": 2,
        "MAX_OUTPUT_CHARS": 20_000_000,
        "TOOL_MODULES": "tests.faults.tools_under_test",
        "EFFECTS_FILE": effects,
    }


@pytest.fixture(scope="package")
def cluster(products: Products, fault_settings: dict[str, object]) -> Iterator[Cluster]:
    """Two processes on PostgreSQL and Valkey."""
    before = len(products)
    first = products.launch("postgres", **fault_settings)
    second = products.launch(beside=first, **fault_settings)
    for server in (first, second):
        server.wait_until_ready(seconds=80)
    yield Cluster(products, [first, second], fault_settings)
    products.end(since=before)


@pytest.fixture(scope="package")
def alone(products: Products, fault_settings: dict[str, object]) -> Iterator[Cluster]:
    """One process on SQLite."""
    before = len(products)
    yield Cluster(products, [products.serve("sqlite", **fault_settings)], fault_settings)
    products.end(since=before)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=25)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        yield session


@pytest.fixture
def random_numbers(request: pytest.FixtureRequest) -> random.Random:
    """The same ones each time."""
    return random.Random(request.node.name)  # noqa: S311 - the moments of faults, not a secret


@pytest.fixture
def alice(session: aiohttp.ClientSession, cluster: Cluster, random_numbers: random.Random) -> Person:
    return Person(session, cluster, random_numbers)


@pytest.fixture
def hermit(session: aiohttp.ClientSession, alone: Cluster, random_numbers: random.Random) -> Person:
    """alice at the process that is alone."""
    return Person(session, alone, random_numbers)


@pytest.fixture
def provider_log(session: aiohttp.ClientSession, fault_provider: str) -> ProviderLog:
    return ProviderLog(session, fault_provider)


@pytest.fixture
def effects_of(effects: Path) -> EffectsOf:
    return EffectsOf(effects)


@pytest.fixture
async def clerk(alice: Person) -> str:
    """The name of an agent of the cluster with the tools under test."""
    return await offer_clerk(alice)


@pytest.fixture
async def hermits_clerk(hermit: Person) -> str:
    return await offer_clerk(hermit)


async def offer_clerk(person: Person) -> str:
    server = person.cluster.first
    config = {"tools": ["charge", "book", "look"], "tool_call_timeout": 900}
    async with person.session.get(f"{server.url}/agents/clerk", headers=person.bearer) as answer:
        if answer.status == 200:
            return "clerk"
    await asyncio.to_thread(server.manage, "migrate", "-v", "0")  # its end makes rows of the tools
    async with person.session.post(f"{server.url}/agents/clerk", json=config, headers=person.bearer) as answer:
        assert answer.status == 201, await answer.text()
    return "clerk"
