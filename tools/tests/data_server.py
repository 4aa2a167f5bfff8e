"""A server on loopback that stands in for the data providers: it answers each path as it is told to."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(body: Any, *, status: int = 200) -> Handler:
    """Answer with a JSON document, or with the very bytes given."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=raw, status=status, content_type="application/json")

    return handle


def redirect(location: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": location})

    return handle


def cut_off(body: bytes) -> Handler:
    """Promise more bytes than are sent, then close the connection."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(body) + 100)})
        await response.prepare(request)
        await response.write(body)
        request.transport.close()  # type: ignore[union-attr]
        return response

    return handle


def stream(chunk: bytes, times: int) -> Handler:
    """Send a body of unknown length."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(times):
            await response.write(chunk)
        return response

    return handle


async def silence(request: web.Request) -> web.StreamResponse:
    """Never answer; ends when the client leaves."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class DataServer:
    """`routes` says how each path answers, `requests` what was asked (path, query, headers)."""

    routes: dict[str, Handler] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.query), dict(request.headers)))
        return await self.routes[request.path](request)

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner
