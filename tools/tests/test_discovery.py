import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from tools.discovery import configured_tools
from tools.registry import registry

BUILTIN = ("get_weather", "calculate", "get_time", "search_web", "get_stock_price")
MODULES = "tools.tests.modules"


def test_the_built_in_tools_have_the_names_and_parameters_of_the_contract(settings):
    settings.TOOL_MODULES = ()
    tools = configured_tools()
    assert tools.names() == BUILTIN
    assert [list(tool.parameters["properties"]) for tool in tools] == [
        ["city"],
        ["expression"],
        ["timezone"],
        ["query"],
        ["symbol"],
    ]
    for tool in tools:
        (parameter,) = tool.parameters["properties"].values()
        assert parameter["description"]
        assert tool.replay == "safe"


def test_the_process_wide_registry_is_filled_at_start():
    assert set(BUILTIN) <= set(registry.names())


def test_modules_of_the_setting_add_their_tools(settings):
    settings.TOOL_MODULES = (f"{MODULES}.greetings", f"{MODULES}.shared")
    assert configured_tools().names() == (*BUILTIN, "shout", "greet")


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ("no.such.module", "TOOL_MODULES: 'no.such.module' cannot be imported: No module named 'no'"),
        (f"{MODULES}.broken", "No module named 'a_package_that_is_not_there'"),
        (f"{MODULES}.unfit", "silent has no docstring"),
        (f"{MODULES}.empty", "has no tool; write @tool above a function in it"),
        (f"{MODULES}.clashing", "Two tools are called 'calculate'"),
    ],
)
def test_a_wrong_module_says_what_to_fix(settings, module, problem):
    settings.TOOL_MODULES = (module,)
    with pytest.raises(ImproperlyConfigured, match=problem) as error:
        configured_tools()
    assert str(error.value).startswith(f"TOOL_MODULES: {module!r}")


def test_ready_may_run_twice():
    before = registry.names()
    apps.get_app_config("tools").ready()
    assert registry.names() == before


async def test_the_built_in_tools_ask_the_servers_of_the_settings(settings, run, dead_url):
    for name in ("WEATHER_GEOCODING_URL", "WEATHER_FORECAST_URL", "SEARXNG_URL", "WIKIPEDIA_URL", "STOCKS_URL"):
        setattr(settings, name, dead_url)
    tools = configured_tools()
    assert (await run(tools.get("get_weather"), {"city": "Rome"})).error == "Weather service could not be reached"
    assert (await run(tools.get("search_web"), {"query": "Rome"})).error == "Web search could not be reached"
    assert (await run(tools.get("get_stock_price"), {"symbol": "A"})).error == "Stock service could not be reached"
