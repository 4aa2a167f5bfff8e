"""search_web: SearXNG where one is configured, Wikipedia otherwise."""

import html
import re
from typing import Annotated, Any

import msgspec
from pydantic import Field

from tools.base import Tool, tool
from tools.builtin.fetch import fetch_json
from tools.exceptions import ServiceRefusedError, ToolError

SERVICE = "Web search"
MAX_RESULTS = 5
MAX_SNIPPET = 500  # characters
HTML_TAG = re.compile(r"<[^>]*>")


class Hit(msgspec.Struct):
    """One result of SearXNG."""

    url: str
    title: str = ""
    content: str | None = None


class Hits(msgspec.Struct):
    results: list[Hit] = []


class Page(msgspec.Struct):
    """One result of Wikipedia; the snippet is HTML."""

    title: str
    pageid: int
    snippet: str = ""


class Pages(msgspec.Struct):
    search: list[Page] = []


class Answer(msgspec.Struct):
    query: Pages


def web_search_tool(*, searxng_url: str, wikipedia_url: str) -> Tool:
    """The tool, for a SearXNG server (base URL; "" for none) and a Wikipedia (base URL)."""

    @tool
    async def search_web(query: Annotated[str, Field(min_length=1, max_length=300)]) -> dict[str, Any]:
        """Search the web for information.

        Args:
            query: What to look for: a few words, as one would type them into a search box.
        """
        if searxng_url:
            return {"query": query, "source": "SearXNG", "results": await _searxng(searxng_url, query)}
        return {"query": query, "source": "Wikipedia", "results": await _wikipedia(wikipedia_url, query)}

    return search_web


async def _searxng(base: str, query: str) -> list[dict[str, str]]:
    try:
        hits = await fetch_json(f"{base}/search", Hits, service=SERVICE, params={"q": query, "format": "json"})
    except ServiceRefusedError as refusal:
        if refusal.status == 403:
            message = 'Web search gives no JSON; add "json" to search.formats in the settings of SearXNG'
            raise ToolError(message) from None
        raise
    return [_result(hit.title, hit.url, hit.content or "") for hit in hits.results[:MAX_RESULTS]]


async def _wikipedia(base: str, query: str) -> list[dict[str, str]]:
    params = {"action": "query", "list": "search", "srsearch": query, "srlimit": str(MAX_RESULTS), "format": "json"}
    answer = await fetch_json(f"{base}/w/api.php", Answer, service=SERVICE, params=params)
    return [_result(page.title, f"{base}/?curid={page.pageid}", page.snippet) for page in answer.query.search]


def _result(title: str, url: str, snippet: str) -> dict[str, str]:
    text = " ".join(html.unescape(HTML_TAG.sub("", snippet)).split())
    return {"title": title, "url": url, "snippet": text[:MAX_SNIPPET]}
