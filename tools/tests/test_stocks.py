import pytest

from tools.builtin.stocks import stock_price_tool
from tools.tests.data_server import answer

PATH = "/v8/finance/chart/AAPL"
META = {
    "symbol": "AAPL",
    "currency": "USD",
    "regularMarketPrice": 1189.84,
    "regularMarketTime": 1772400000,
    "exchangeName": "NMS",
    "chartPreviousClose": 1200.0,
    "longName": "Apple Inc.",
    "priceHint": 2,
}
NOT_FOUND = {"chart": {"result": None, "error": {"code": "Not Found", "description": "secret"}}}


def chart(meta):
    return answer({"chart": {"result": [{"meta": meta, "indicators": {}}], "error": None}})


@pytest.fixture
def stocks(server):
    return stock_price_tool(stocks_url=server.url)


async def test_the_price_of_a_stock(run, server, stocks):
    server.routes[PATH] = chart(META)
    assert (await run(stocks, {"symbol": " aapl "})).value == {
        "symbol": "AAPL",
        "price": "1,189.84 USD",
        "name": "Apple Inc.",
        "change": "-0.85 %",
        "exchange": "NMS",
        "as_of": "2026-03-01 21:20 UTC",
    }
    path, query, headers = server.requests[0]
    assert (path, query) == (PATH, {"interval": "1d", "range": "1d"})
    assert headers["User-Agent"].startswith("Mozilla/5.0")


async def test_what_the_service_does_not_know_is_left_out(run, server, stocks):
    server.routes[PATH] = chart({"symbol": "AAPL", "regularMarketPrice": 1})
    assert (await run(stocks, {"symbol": "AAPL"})).value == {"symbol": "AAPL", "price": "1.00"}


@pytest.mark.parametrize(
    "route",
    [answer(NOT_FOUND, status=404), answer(NOT_FOUND), answer({"chart": {"result": []}})],
    ids=["status", "null", "empty"],
)
async def test_an_unknown_symbol_is_an_error(run, server, stocks, route):
    server.routes[PATH] = route
    assert (await run(stocks, {"symbol": "AAPL"})).error == "There is no stock with the symbol 'AAPL'"


@pytest.mark.parametrize("symbol", ["", "../x", "A B", "A/B", "A?b", "x" * 21, "Ä", "%2e"])
async def test_a_symbol_cannot_leave_its_path(run, server, stocks, symbol):
    assert (await run(stocks, {"symbol": symbol})).error.startswith("Invalid arguments: symbol: ")
    assert not server.requests


@pytest.mark.parametrize("symbol", ["BRK-B", "SAP.DE", "^GSPC", "EURUSD=X"])
async def test_symbols_may_have_signs(run, server, stocks, symbol):
    server.routes[f"/v8/finance/chart/{symbol}"] = chart(META | {"symbol": symbol})
    assert (await run(stocks, {"symbol": symbol})).value["symbol"] == symbol


@pytest.mark.parametrize(
    ("route", "error"),
    [
        (answer({}, status=429), "Stock service takes no more requests at the moment (HTTP 429); try again later"),
        (answer({}, status=500), "Stock service is out of order (HTTP 500); try again later"),
        (answer(b"Too Many Requests"), "Stock service sent an answer that cannot be read"),
        (chart({"symbol": "AAPL"}), "Stock service sent an answer that cannot be read"),
        (chart(META | {"regularMarketTime": 10**15}), "Stock service sent an answer that cannot be read"),
    ],
)
async def test_a_failing_service_is_a_clear_error(run, server, stocks, route, error):
    server.routes[PATH] = route
    assert (await run(stocks, {"symbol": "AAPL"})).error == error


async def test_an_unreachable_service_is_a_clear_error(run, dead_url):
    assert (
        await run(stock_price_tool(stocks_url=dead_url), {"symbol": "AAPL"})
    ).error == "Stock service could not be reached"
