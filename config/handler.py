"""Django's ASGI handler, without the thread that it starts for each request only to close the response."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

PIECE = 2**17  # bytes; a stream's pieces hold events of half as many, and what frames them
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Handler(ASGIHandler):
    """What belongs to a request's thread (connections, mostly) is closed there; a request without one needs none."""

    async def handle(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            set_script_prefix(get_script_prefix(scope))
            await request_started.asend(sender=self.__class__, scope=scope)
            request, refusal = self.create_request(scope, body)
            if request is not None:
                await self._serve(request, receive, send)
            elif refusal is not None:
                await self.send_response(refusal, send)
                await _finish(refusal.close)

    @classmethod
    def chunk_bytes(cls, data: Any) -> Any:
        """Django's, without a generator for the many pieces of a stream, which are whole frames and stay so."""
        return ((data, True),) if len(data) <= PIECE else super().chunk_bytes(data)

    async def _serve(self, request: ASGIRequest, receive: Receive, send: Send) -> None:
        """Answer, unless the client goes away before: then the view is cancelled."""
        answering = asyncio.create_task(self._answer(request, send))
        leaving = asyncio.create_task(_cancel_when_left(receive, answering))
        try:
            response = await answering
        except asyncio.CancelledError:
            if not leaving.done():
                raise
            await _finish(lambda: request_finished.send(sender=self.__class__))
        else:
            await _finish(response.close)
        finally:
            leaving.cancel()

    async def _answer(self, request: ASGIRequest, send: Send) -> HttpResponseBase:
        response = await self.run_get_response(request)
        with suppress(asyncio.CancelledError):  # the client went away: there is still the response to close
            await self.send_response(response, send)
        return response


async def _cancel_when_left(receive: Receive, answering: "asyncio.Task[HttpResponseBase]") -> None:
    """All that can be received after a body is that the client has gone, or has the whole answer."""
    await receive()
    answering.cancel()


async def _finish(close: Callable[[], Any]) -> None:
    """Close what a request has used, on the thread that has used it."""
    if SyncToAsync.thread_sensitive_context.get() in SyncToAsync.context_to_thread_executor:
        await sync_to_async(_close_on_thread)(close)
    else:
        close()


def _close_on_thread(close: Callable[[], Any]) -> None:
    """A thread of a request may have connections; the event loop has none."""
    close()
    close_old_connections()
