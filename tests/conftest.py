"""Real servers for the tests of the whole product. Everything listens on free loopback ports, and ends here."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.processes import Processes
from tests.product import PROFILES, Product, Products, Profile, Serve
from tests.valkey import Valkey


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    processes = Processes(tmp_path_factory.mktemp("logs"))
    yield processes
    processes.end()


@pytest.fixture(scope="session")
def postgres(processes: Processes) -> Iterator[Postgres]:
    with Postgres(processes) as postgres:
        yield postgres


@pytest.fixture
def valkey(processes: Processes) -> Iterator[Valkey]:
    """One of the test's own, to stop, kill or pause."""
    with Valkey(processes) as valkey:
        yield valkey


@pytest.fixture(scope="session")
def products(
    processes: Processes, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Products]:
    products = Products(
        processes, tmp_path_factory.mktemp("state"), postgres=lambda: request.getfixturevalue("postgres")
    )
    yield products
    products.end()


@pytest.fixture(scope="session")
def provider(processes: Processes) -> str:
    """The base URL of a model provider that does what each message says: see tests.provider_script."""
    process = processes.start("provider", [sys.executable, "-m", "tests.provider", "--port", "0"])
    process.wait_for("/v1\n")
    return process.log.strip()


@pytest.fixture
def serve(products: Products) -> Iterator[Serve]:
    """`serve(profile, **settings)` starts servers of the test's own, which end with it: see Products.serve."""
    before = len(products)
    yield products.serve
    products.end(since=before)


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> Profile:
    """What a server keeps its state in: SQLite alone, or PostgreSQL and Valkey."""
    value: Profile = request.param
    return value


@pytest.fixture(params=PROFILES, scope="module")
def server(request: pytest.FixtureRequest, products: Products, provider: str) -> Iterator[Product]:
    """One server for all tests of a module, on either profile, whose model is the scripted provider.

    Leave it as you found it, or use `serve`.
    """
    before = len(products)
    yield products.serve(request.param, OPENAI_BASE_URL=provider)
    products.end(since=before)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The path of a Chromium or Chrome. `make browser` installs one."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"):
        if path := shutil.which(name):
            return Path(path)
    pytest.fail("no Chromium on the PATH: make browser")
