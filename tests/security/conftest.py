"""One server that all attacks share: each of them leaves it running."""

from pathlib import Path

import pytest

from tests.security.sizes import SIZES

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(SIZES.test_seconds))
