"""What every test of the project has: a database file of its own, and no way to the internet."""

import sys
from pathlib import Path
from typing import Any

import pytest

LOOPBACK = ("127.", "::1", "localhost")


def refuse_the_internet(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not str(arguments[1][0]).startswith(LOOPBACK):
        raise PermissionError(f"a test tried to reach {arguments[1]!r}: tests stay on the loopback address")


def pytest_configure() -> None:
    sys.addaudithook(refuse_the_internet)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what touches the database: `python -m tests.run` runs it on both."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db") or fixtures & {"db", "transactional_db"}:
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A SQLite file of this session's own, so that sessions side by side do not meet."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        folder: Path = tmp_path_factory.mktemp("database")
        database["TEST"]["NAME"] = str(folder / "test.sqlite3")
