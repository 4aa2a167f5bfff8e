"""Which tools this installation has: the built-in ones, and those of the modules that TOOL_MODULES lists."""

from collections.abc import Iterator
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tools.base import Tool
from tools.builtin.calculator import calculator_tool
from tools.builtin.clock import time_tool
from tools.builtin.stocks import stock_price_tool
from tools.builtin.weather import weather_tool
from tools.builtin.web_search import web_search_tool
from tools.exceptions import DuplicateToolError, ToolDefinitionError
from tools.registry import ToolRegistry


def configured_tools() -> ToolRegistry:
    """All tools, built-in ones first; raises ImproperlyConfigured where TOOL_MODULES is wrong."""
    tools = ToolRegistry(_builtin_tools())
    for module in settings.TOOL_MODULES:
        for tool in _tools_of(module):
            try:
                tools.register(tool)
            except DuplicateToolError as duplicate:
                raise ImproperlyConfigured(f"TOOL_MODULES: {module!r}: {duplicate}") from duplicate
    return tools


def _builtin_tools() -> Iterator[Tool]:
    yield weather_tool(geocoding_url=settings.WEATHER_GEOCODING_URL, forecast_url=settings.WEATHER_FORECAST_URL)
    yield calculator_tool()
    yield time_tool()
    yield web_search_tool(searxng_url=settings.SEARXNG_URL, wikipedia_url=settings.WIKIPEDIA_URL)
    yield stock_price_tool(stocks_url=settings.STOCKS_URL)


def _tools_of(module: str) -> list[Tool]:
    try:
        namespace = vars(import_module(module))
    except (ImportError, ToolDefinitionError) as problem:
        raise ImproperlyConfigured(f"TOOL_MODULES: {module!r} cannot be imported: {problem}") from problem
    tools = [value for value in namespace.values() if isinstance(value, Tool)]
    if not tools:
        raise ImproperlyConfigured(f"TOOL_MODULES: {module!r} has no tool; write @tool above a function in it.")
    return tools
