"""README.md, docs/api.md and the ranges of docs/configuration.md against the code."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from agents.events import EVENT_TYPES
from tests.environment import documented_settings
from tests.processes import ROOT
from tools.base import Tool, ToolContext
from tools.execution import execute
from tools.registry import registry

README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
NUMBER = re.compile(r'env\.(?:integer|number)\(\s*"([A-Z_]+)",[^)]*?low=([\d._]+),\s*high=([\d._]+)\)')


def test_the_readme_lists_every_event_in_their_order() -> None:
    assert re.findall(r"^\| `([a-z_]+)` \|", README, re.MULTILINE) == list(EVENT_TYPES)


def test_the_readme_lists_every_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", README, re.MULTILINE)
    assert [name for name, _ in rows] == list(documented_settings())
    shown = {name: default.strip("`") for name, default in rows if default.startswith("`")}
    assert shown == {name: default for name, default in documented_settings().items() if default}


def test_the_readme_names_the_built_in_tools_with_their_parameters() -> None:
    for name in ("get_weather", "calculate", "get_time", "search_web", "get_stock_price"):
        assert f"`{name}({', '.join(registry.get(name).parameters['properties'])})`" in README


async def test_the_tool_of_the_readme_works() -> None:
    block = re.search(r"^   ```python\n(.*?)^   ```", README, re.DOTALL | re.MULTILINE)
    assert block is not None
    namespace: dict[str, object] = {"__name__": "shop.agent_tools"}
    exec(re.sub("^   ", "", block[1], flags=re.MULTILINE), namespace)  # noqa: S102 - our own documentation
    price = namespace["get_price"]
    assert isinstance(price, Tool)
    result = await execute(price, '{"product": "pear"}', timeout=5, context=ToolContext("call_1", "run_1:call_1"))
    assert result.value == "One pear costs 0.50 EUR."


def test_the_api_page_has_every_operation_and_no_other() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    operations = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    rows = re.findall(r"^\| \[?`((?!WS)[A-Z]+ /[^`]+)`", API, re.MULTILINE)
    assert sorted(rows) == sorted(operations)


@pytest.mark.parametrize(("name", "low", "high"), NUMBER.findall((ROOT / "config" / "settings.py").read_text()))
def test_the_configuration_page_tells_the_range_of_each_number(name: str, low: str, high: str) -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "configuration.md").read_text()
    row = re.search(rf"^\| `{name}` \| [^|]+ \| ([\d.,]+) to ([\d.,]+) \|", page, re.MULTILINE)
    assert row is not None
    assert [float(value.replace(",", "")) for value in row.groups()] == [float(low), float(high)]


def test_the_readme_prints_the_clients_that_the_suite_runs() -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "clients.md").read_text()
    clients = re.findall(r"^```(?:javascript|python)\n.*?^```", page, re.DOTALL | re.MULTILINE)
    assert len(clients) == 3
    assert all(client in README for client in clients)
