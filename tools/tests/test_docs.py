"""docs/tools.md against the code."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from tools.base import Tool
from tools.builtin.calculator import FUNCTIONS
from tools.builtin.fetch import DEADLINE
from tools.execution import MAX_THREADS
from tools.models import ReplayRule
from tools.registry import registry

GUIDE = (Path(settings.BASE_DIR) / "docs" / "tools.md").read_text(encoding="utf-8")


@pytest.fixture
def example() -> dict[str, object]:
    """What the example of the guide defines."""
    code = re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)[1]
    namespace: dict[str, object] = {"__name__": "shop.agent_tools"}
    exec(compile(code, "docs/tools.md", "exec"), namespace)  # noqa: S102 - our own documentation
    return namespace


async def test_the_example_works(run, example):
    assert (await run(example["get_price"], '{"product": "pear"}')).value["price"] == 0.75
    assert (await run(example["get_price"], '{"product": "plum"}')).error == "There is no product 'plum'"
    order = example["place_order"]
    assert isinstance(order, Tool)
    assert (order.timeout, order.requires_approval, order.replay) == (10, True, "idempotent")
    assert (await run(order, '{"product": "pear", "count": 2}')).value == "Ordered 2 × pear as run_1:call_1"
    assert "count" in (await run(order, '{"product": "pear", "count": 101}')).error


@pytest.mark.parametrize("name", ["get_weather", "calculate", "get_time", "search_web", "get_stock_price"])
def test_every_built_in_tool_is_told_with_its_parameters(name):
    parameters = ", ".join(registry.get(name).parameters["properties"])
    assert f"`{name}({parameters})`" in GUIDE


def test_every_setting_that_is_told_exists():
    names = set(re.findall(r"`?([A-Z]+(?:_[A-Z]+)+)`?", GUIDE)) - {"NAN"}
    assert names >= {"TOOL_MODULES", "MAX_TOOL_RESULT_CHARS", "SEARXNG_URL", "WIKIPEDIA_URL", "STOCKS_URL"}
    for name in names:
        assert hasattr(settings, name), name


def test_replay_rules_functions_and_limits_are_told():
    for rule in ReplayRule.values:
        assert f"| `{rule}`" in GUIDE
    words = set(re.findall(r"\w+", GUIDE))
    assert set(FUNCTIONS) <= words
    assert f"{MAX_THREADS} threads" in GUIDE
    assert f"{DEADLINE:g} s" in GUIDE
