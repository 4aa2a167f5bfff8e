"""Our ASGI handler: what a request has used is closed where it was used, however the request ends."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIRequest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.handler import Handler

seen: dict[str, str] = {}  # the threads of the last view and of the end of its request


async def in_the_loop(request: HttpRequest) -> HttpResponse:
    seen["view"] = threading.current_thread().name
    return HttpResponse(b"async")


def on_a_thread(request: HttpRequest) -> HttpResponse:
    seen["view"] = threading.current_thread().name
    return HttpResponse(b"sync")


async def waiting(request: ASGIRequest) -> HttpResponse:
    request.scope["begun"].set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        seen["view"] = "cancelled"
        raise
    return HttpResponse()


urlpatterns = [path("async", in_the_loop), path("sync", on_a_thread), path("waiting", waiting)]


@pytest.fixture(autouse=True)
def finished(settings) -> Iterator[list[str]]:
    """The threads on which requests have ended."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    seen.clear()
    threads: list[str] = []

    def note(**_: object) -> None:
        threads.append(threading.current_thread().name)

    on_threads = (close_old_connections, reset_queries)  # config.asgi takes them off
    for receiver in on_threads:
        request_started.disconnect(receiver)
    request_finished.connect(note)
    yield threads
    request_finished.disconnect(note)
    for receiver in on_threads:
        request_started.connect(receiver)


def opened(route: str, **scope: object) -> ApplicationCommunicator:
    described = {"type": "http", "method": "GET", "path": route, "query_string": b"", "headers": [], **scope}
    return ApplicationCommunicator(Handler(), described)


async def ask(route: str, **scope: object) -> tuple[int, bytes]:
    request = opened(route, **scope)
    await request.send_input({"type": "http.request"})
    head, body = await request.receive_output(5), await request.receive_output(5)
    await request.wait(5)
    return head["status"], body["body"]


async def test_a_view_in_the_event_loop_starts_no_thread(finished):
    assert await ask("/async") == (200, b"async")
    assert finished == [seen["view"]] == [threading.current_thread().name]


async def test_what_a_view_has_used_on_a_thread_is_closed_there(finished):
    assert await ask("/sync") == (200, b"sync")
    assert finished == [seen["view"]] != [threading.current_thread().name]


async def test_a_request_that_cannot_be_read_is_refused_and_closed(finished):
    status, _ = await ask("/async", query_string=b"\xff")
    assert status == 400
    assert len(finished) == 1


async def test_a_client_that_goes_away_cancels_its_view(finished):
    begun = asyncio.Event()
    request = opened("/waiting", begun=begun)
    await request.send_input({"type": "http.request"})
    await begun.wait()
    await request.send_input({"type": "http.disconnect"})
    await request.wait(5)
    assert seen["view"] == "cancelled"
    assert len(finished) == 1


async def test_a_client_that_goes_away_before_its_body_has_come_leaves_nothing(finished):
    request = opened("/async")
    await request.send_input({"type": "http.disconnect"})
    await request.wait(5)
    assert seen == {}


async def test_a_server_that_stops_cancels_the_view(finished):
    begun = asyncio.Event()
    request = opened("/waiting", begun=begun)
    await request.send_input({"type": "http.request"})
    await begun.wait()
    request.future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request.future
    await asyncio.sleep(0.05)
    assert seen["view"] == "cancelled"
