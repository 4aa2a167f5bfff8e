"""The middleware: no thread hop for the API, sessions for pages only."""

import logging
from http import HTTPStatus

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory

from config.middleware import StaticFilesMiddleware, is_page


def test_no_middleware_is_moved_to_a_thread(caplog):
    with caplog.at_level(logging.DEBUG, logger="django.request"):
        handler = ASGIHandler()
    assert handler is not None
    assert "adapted" not in caplog.text


@pytest.mark.parametrize(
    ("path", "page"),
    [("/", True), ("/admin/", True), ("/admin/chat/run/", True), ("/accounts/login/", True), ("/admin", False),
     ("/chat", False), ("/chat/stream", False), ("/conversations", False), ("/adminx/", False), ("/docs", False)],
)  # fmt: skip
def test_pages_are_told_from_the_api_by_their_path(path, page):
    assert is_page(RequestFactory().get(path)) is page


@pytest.mark.django_db
def test_a_page_sets_a_session_and_the_api_does_not(client, django_user_model):
    django_user_model.objects.create_superuser("root", password="root-password")
    client.defaults["HTTP_HOST"] = "localhost"
    assert client.login(username="root", password="root-password")
    page = client.get("/admin/")
    assert page.status_code == HTTPStatus.OK
    assert "Cookie" in page.headers["Vary"]
    api = client.get("/agents")
    assert "sessionid" not in api.cookies


@pytest.mark.django_db
def test_a_form_of_a_page_needs_the_token():
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    answer = client.post("/accounts/login/", {"username": "a", "password": "b"})
    assert answer.status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("origin", [{}, {"origin": "https://other.example"}])
async def test_every_answer_says_that_origins_make_a_difference(origin):
    answer = await AsyncClient(headers={"host": "localhost", **origin}).get("/health/live")
    assert answer.headers["Vary"] == "origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_view_may_have_a_policy_of_its_own_and_leaves_that_of_others():
    client = AsyncClient(headers={"host": "localhost"})
    usual, own, again = [
        (await client.get(path)).headers["Content-Security-Policy"]
        for path in ("/health/live", "/docs", "/health/live")
    ]
    assert "style-src 'self' 'unsafe-inline'" in own
    assert usual == again
    assert "unsafe" not in usual


async def test_a_broken_csrf_cookie_is_replaced_by_any_answer():
    client = AsyncClient(headers={"host": "localhost"})
    client.cookies["csrftoken"] = "broken"
    for path in ("/health/live", "/accounts/login/"):
        assert len((await client.get(path)).cookies["csrftoken"].value) > len("broken")
        client.cookies["csrftoken"] = "broken"


async def test_a_static_file_is_served_in_the_event_loop():
    client = AsyncClient(headers={"host": "localhost"})
    answer = await client.get("/static/chat/chat.js")
    assert (answer.status_code, answer.streaming) == (HTTPStatus.OK, False)
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert (await client.head("/static/chat/chat.js")).content == b""


@pytest.mark.django_db
def test_under_wsgi_static_files_are_served_too():
    middleware = StaticFilesMiddleware(lambda request: HttpResponse("from the view"))
    served = middleware(RequestFactory().get("/static/chat/chat.js"))
    assert b"".join(served.streaming_content)
    served.close()
    assert middleware(RequestFactory().get("/chat")).content == b"from the view"
