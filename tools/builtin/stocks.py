"""get_stock_price: the latest price of a stock, from Yahoo's chart data."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from pydantic import Field

from tools.base import Tool, tool
from tools.builtin.fetch import fetch_json
from tools.exceptions import ServiceRefusedError, ToolError

SERVICE = "Stock service"
# Clients that do not look like a browser are answered with 429.
HEADERS = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}

LATEST = 253_402_300_799  # the last second that a date can have: the end of the year 9999


class Quote(msgspec.Struct, rename="camel"):
    symbol: str
    regular_market_price: float
    currency: str | None = None
    regular_market_time: Annotated[int, msgspec.Meta(ge=0, le=LATEST)] | None = None
    exchange_name: str | None = None
    chart_previous_close: float | None = None
    long_name: str | None = None


class Result(msgspec.Struct):
    meta: Quote


class Chart(msgspec.Struct):
    result: list[Result] | None = None


class Answer(msgspec.Struct):
    chart: Chart


def stock_price_tool(*, stocks_url: str) -> Tool:
    """The tool, for a server with Yahoo's chart data (base URL)."""

    @tool
    async def get_stock_price(
        symbol: Annotated[str, Field(max_length=20, pattern=r"^\s*[A-Za-z0-9^][A-Za-z0-9.^=-]*\s*$")],
    ) -> dict[str, str]:
        """Get the latest price of a stock.

        Args:
            symbol: Ticker symbol, for example "AAPL", or "SAP.DE" for another exchange.
        """
        return _report(await _quote(stocks_url, symbol.strip().upper()))

    return get_stock_price


async def _quote(base: str, symbol: str) -> Quote:
    url = f"{base}/v8/finance/chart/{symbol}"
    params = {"interval": "1d", "range": "1d"}
    try:
        answer = await fetch_json(url, Answer, service=SERVICE, params=params, headers=HEADERS)
    except ServiceRefusedError as refusal:
        if refusal.status == 404:
            raise ToolError(f"There is no stock with the symbol {symbol!r}") from None
        raise
    if not answer.chart.result:
        raise ToolError(f"There is no stock with the symbol {symbol!r}")
    return answer.chart.result[0].meta


def _report(quote: Quote) -> dict[str, str]:
    report = {"symbol": quote.symbol, "price": f"{quote.regular_market_price:,.2f} {quote.currency or ''}".strip()}
    if quote.long_name:
        report["name"] = quote.long_name
    if quote.chart_previous_close:
        report["change"] = f"{(quote.regular_market_price / quote.chart_previous_close - 1) * 100:+.2f} %"
    if quote.exchange_name:
        report["exchange"] = quote.exchange_name
    if quote.regular_market_time:
        report["as_of"] = datetime.fromtimestamp(quote.regular_market_time, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return report
