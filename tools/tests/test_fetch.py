import socket
from typing import Any

import pytest

from tools.builtin.fetch import fetch_json
from tools.exceptions import ServiceRefusedError, ToolError
from tools.tests.data_server import answer, cut_off, redirect, silence, stream


async def fetch(url: str, **options: Any) -> Any:
    return await fetch_json(url, dict[str, Any], service="Data service", **options)


async def test_the_document_is_decoded(server):
    server.routes["/data"] = answer({"city": "Köln"})
    assert await fetch(f"{server.url}/data", params={"q": "a b&c"}, headers={"X-One": "1"}) == {"city": "Köln"}
    path, query, headers = server.requests[0]
    assert (path, query, headers["X-One"]) == ("/data", {"q": "a b&c"}, "1")
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "Data service refused the request (HTTP 400)"),
        (404, "Data service refused the request (HTTP 404)"),
        (429, "Data service takes no more requests at the moment (HTTP 429); try again later"),
        (500, "Data service is out of order (HTTP 500); try again later"),
        (503, "Data service is out of order (HTTP 503); try again later"),
    ],
)
async def test_an_http_error_is_told_without_its_body(server, status, error):
    server.routes["/data"] = answer({"reason": "secret"}, status=status)
    with pytest.raises(ServiceRefusedError) as refusal:
        await fetch(f"{server.url}/data")
    assert str(refusal.value) == error
    assert refusal.value.status == status


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 100_000])
async def test_an_answer_that_cannot_be_read_is_an_error(server, body):
    server.routes["/data"] = answer(body)
    with pytest.raises(ToolError, match=r"^Data service sent an answer that cannot be read$"):
        await fetch(f"{server.url}/data")


async def test_an_answer_that_breaks_off_is_an_error(server):
    server.routes["/data"] = cut_off(b'{"a": 1}')
    with pytest.raises(ToolError, match=r"^Data service broke off its answer$"):
        await fetch(f"{server.url}/data")


@pytest.mark.parametrize("route", [answer(b'"' + b"x" * 1_000_000 + b'"'), stream(b"x" * 100_000, 50)])
async def test_an_answer_beyond_a_megabyte_is_an_error(server, route):
    server.routes["/data"] = route
    with pytest.raises(ToolError, match=r"^Data service sent more than 1 MB$"):
        await fetch(f"{server.url}/data")


async def test_silence_ends_at_the_deadline(server):
    server.routes["/data"] = silence
    with pytest.raises(ToolError, match=r"^Data service did not answer within 0\.1 s$"):
        await fetch(f"{server.url}/data", deadline=0.1)


async def test_redirects_are_followed_but_not_for_ever(server):
    server.routes |= {"/old": redirect("/new"), "/new": answer({"a": 1}), "/loop": redirect("/loop")}
    assert await fetch(f"{server.url}/old") == {"a": 1}
    with pytest.raises(ToolError, match=r"^Data service redirects without end$"):
        await fetch(f"{server.url}/loop")
    assert len(server.requests) < 10


async def test_a_redirect_to_somebody_else_is_not_followed(server, dead_url):
    elsewhere = [
        dead_url,
        "//localhost:1/",
        "http://[::1]/",
        "http://127.0.0.1@other.example/",
        "https://other.example",
    ]
    for location in elsewhere:
        server.routes["/data"] = redirect(location)
        with pytest.raises(ToolError, match=r"^Data service redirects to another address$"):
            await fetch(f"{server.url}/data")


async def test_a_redirect_away_from_http_is_an_error(server):
    server.routes["/data"] = redirect("file:///etc/passwd")
    with pytest.raises(ToolError, match=r"^Data service could not be reached$"):
        await fetch(f"{server.url}/data")


@pytest.mark.parametrize("url", ["http://", "nonsense", "http://[::1", "http://127.0.0.1:99999/"])
async def test_a_wrong_address_is_an_error(url):
    with pytest.raises(ToolError, match=r"^Data service could not be reached$"):
        await fetch(url)


async def test_an_unreachable_service_is_an_error(dead_url):
    with pytest.raises(ToolError, match=r"^Data service could not be reached$"):
        await fetch(dead_url)


async def test_a_server_that_does_not_speak_http_is_an_error(server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(ToolError, match="did not answer"):
            await fetch(f"http://127.0.0.1:{port}/", deadline=0.1)


async def test_proxies_of_the_environment_are_not_used(server, dead_url, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, dead_url)
    server.routes["/data"] = answer({"a": 1})
    assert await fetch(f"{server.url}/data") == {"a": 1}
