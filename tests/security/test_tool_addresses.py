"""What a model says decides what is asked for, never who is asked: a server on loopback that must never be hit."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.security.figures import record
from tools.base import Tool, ToolContext
from tools.builtin.stocks import stock_price_tool
from tools.builtin.weather import weather_tool
from tools.builtin.web_search import web_search_tool
from tools.execution import execute
from tools.tests.data_server import DataServer, answer, redirect

PLACE = {"results": [{"name": "X", "latitude": 1, "longitude": 2}]}
QUOTE = {"chart": {"result": [{"meta": {"symbol": "X", "regularMarketPrice": 1}}]}}
PATHS = {"/v1/search", "/v1/forecast", "/search", "/w/api.php"}


@pytest.fixture
async def service() -> AsyncIterator[DataServer]:
    """The data service that is configured."""
    server = DataServer()
    runner = await server.start()
    yield server
    await runner.cleanup()


@pytest.fixture
async def canary() -> AsyncIterator[DataServer]:
    """Somebody else, whom nobody has configured."""
    server = DataServer()
    runner = await server.start()
    yield server
    await runner.cleanup()


def tools(base: str) -> list[tuple[Tool, str]]:
    """The tools that ask the network, each with the argument that a model gives."""
    return [
        (weather_tool(geocoding_url=base, forecast_url=base), "city"),
        (web_search_tool(searxng_url=base, wikipedia_url=""), "query"),
        (web_search_tool(searxng_url="", wikipedia_url=base), "query"),
        (stock_price_tool(stocks_url=base), "symbol"),
    ]


def corpus(canary: DataServer) -> list[str]:
    """Ways to name another host, port or path."""
    port = canary.url.rpartition(":")[2]
    hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "017700000001", "127.1", "0", "[::1]",
             "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "①②⑦.⓪.⓪.①", "127.0.0.1.nip.io", "169.254.169.254"]  # fmt: skip
    urls = [f"http://{host}:{port}/" for host in hosts]
    starts = ["", "@", "#", "?", "/", "//", "\\\\", ".", ":80/", "?x=1#@", "%2f%2f", "%00", "\r\nHost: ", "\tx", "a@"]
    ways = [start + url for start in starts for url in urls]
    paths = ["../../admin", "..%2f..%2fadmin", "/../admin", "a/../../b", "..;/x", "%2e%2e/", "A?x=1", "A#x", "A&q=2",
             "A;b", "A\\b", "A%0d%0aX: 1", "A\r\nX: 1", "A\nGET / HTTP/1.1", "A\x00", "А", "file:///etc/passwd",
             f"@127.0.0.1:{port}", f"127.0.0.1:{port}", f"A@127.0.0.1:{port}", f"A:{port}", "{{7*7}}"]  # fmt: skip
    return ways + paths


async def call(tool: Tool, **arguments: Any) -> None:
    await execute(tool, arguments, timeout=5, context=ToolContext(call_id="c1", idempotency_key="r1:c1"))


async def test_no_argument_of_a_built_in_tool_leads_to_another_host_or_path(
    service: DataServer, canary: DataServer
) -> None:
    service.routes |= {"/v1/search": answer(PLACE), "/v1/forecast": answer({}), "/search": answer({"results": []}),
                       "/w/api.php": answer({"query": {"search": []}})}  # fmt: skip
    tried = [(tool, name, text) for tool, name in tools(service.url) for text in corpus(canary)]
    for tool, name, text in tried:
        await call(tool, **{name: text})
    asked = {path for path, _, _ in service.requests} - PATHS
    assert all(path.startswith("/v8/finance/chart/") and path.count("/") == 4 for path in asked), asked
    assert len(service.requests) > 300
    assert not any("X" in headers for _, _, headers in service.requests)
    assert canary.requests == []
    record("Whom tools ask", f"{len(tried)} arguments that name another host or path: none was asked")


async def test_a_service_cannot_send_tools_elsewhere(service: DataServer, canary: DataServer) -> None:
    canary.routes["/"] = answer(PLACE | QUOTE)
    for path in (*PATHS, "/v8/finance/chart/X"):
        service.routes[path] = redirect(f"{canary.url}/")
    for tool, name in tools(service.url):
        await call(tool, **{name: "X"})
    assert service.requests
    assert canary.requests == []
