import pytest

from tools.builtin.web_search import web_search_tool
from tools.tests.data_server import answer


@pytest.fixture
def wikipedia(server):
    return web_search_tool(searxng_url="", wikipedia_url=server.url)


@pytest.fixture
def searxng(server, dead_url):
    return web_search_tool(searxng_url=server.url, wikipedia_url=dead_url)


async def test_wikipedia_answers_where_no_searxng_is_configured(run, server, wikipedia):
    snippet = 'the <span class="searchmatch">Django</span> &quot;framework&quot;\n is'
    page = {"ns": 0, "title": "Django (web framework)", "pageid": 5, "snippet": snippet}
    server.routes["/w/api.php"] = answer({"batchcomplete": "", "query": {"search": [page]}})
    assert (await run(wikipedia, {"query": "django"})).value == {
        "query": "django",
        "source": "Wikipedia",
        "results": [
            {
                "title": "Django (web framework)",
                "url": f"{server.url}/?curid=5",
                "snippet": 'the Django "framework" is',
            }
        ],
    }
    assert server.requests[0][1] == {
        "action": "query",
        "list": "search",
        "srsearch": "django",
        "srlimit": "5",
        "format": "json",
    }


async def test_searxng_answers_where_it_is_configured(run, server, searxng):
    hits = [{"url": f"https://example.com/{n}", "title": f"Page {n}", "content": "x" * 600} for n in range(9)]
    hits[0]["content"] = None
    server.routes["/search"] = answer({"query": "django", "results": hits, "answers": []})
    told = (await run(searxng, {"query": "django"})).value
    assert told["source"] == "SearXNG"
    assert told["results"][0] == {"title": "Page 0", "url": "https://example.com/0", "snippet": ""}
    assert [len(hit["snippet"]) for hit in told["results"]] == [0, 500, 500, 500, 500]
    assert server.requests[0][1] == {"q": "django", "format": "json"}


async def test_nothing_found_is_an_empty_list(run, server, searxng, wikipedia):
    server.routes["/search"] = answer({"results": []})
    server.routes["/w/api.php"] = answer({"query": {"search": []}})
    assert (await run(searxng, {"query": "qqq"})).value["results"] == []
    assert (await run(wikipedia, {"query": "qqq"})).value["results"] == []


async def test_a_searxng_without_json_says_how_to_switch_it_on(run, server, searxng):
    server.routes["/search"] = answer(b"Forbidden", status=403)
    assert 'add "json" to search.formats' in (await run(searxng, {"query": "django"})).error


@pytest.mark.parametrize(
    ("route", "error"),
    [
        (answer({}, status=429), "Web search takes no more requests at the moment (HTTP 429); try again later"),
        (answer({}, status=502), "Web search is out of order (HTTP 502); try again later"),
        (answer(b"<html>"), "Web search sent an answer that cannot be read"),
        (answer({"error": {"code": "x"}, "results": 1}), "Web search sent an answer that cannot be read"),
    ],
)
async def test_a_failing_service_is_a_clear_error(run, server, searxng, wikipedia, route, error):
    server.routes["/search"] = server.routes["/w/api.php"] = route
    assert (await run(searxng, {"query": "django"})).error == error
    assert (await run(wikipedia, {"query": "django"})).error == error


async def test_an_unreachable_service_is_a_clear_error(run, dead_url):
    tool = web_search_tool(searxng_url="", wikipedia_url=dead_url)
    assert (await run(tool, {"query": "django"})).error == "Web search could not be reached"
