"""Django's ASGI handler, without the thread that it starts for each request only to close the response."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.signals import request_finished, request_started
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

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

    async def _serve(self, request: ASGIRequest, receive: Receive, send: Send) -> None:
        """Answer, unless the client goes away before: then the view is cancelled."""
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        answering = asyncio.create_task(self._answer(request, send))
        try:
            await asyncio.wait((leaving, answering), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone = leaving.done()
            leaving.cancel()
            answering.cancel()
        with suppress(RequestAborted, asyncio.CancelledError):
            await leaving
        try:
            response = await answering
        except asyncio.CancelledError:
            if not gone:
                raise
            await _finish(lambda: request_finished.send(sender=self.__class__))
        else:
            await _finish(response.close)

    async def _answer(self, request: ASGIRequest, send: Send) -> HttpResponseBase:
        response = await self.run_get_response(request)
        with suppress(asyncio.CancelledError):  # the client went away: there is still the response to close
            await self.send_response(response, send)
        return response


async def _finish(close: Callable[[], Any]) -> None:
    """Close what a request has used, on the thread that has used it."""
    if SyncToAsync.thread_sensitive_context.get() in SyncToAsync.context_to_thread_executor:
        await sync_to_async(close)()
    else:
        close()
