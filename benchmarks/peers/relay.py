"""The limit: a bare ASGI application that passes the provider's bytes on as they come.

It decodes and stores nothing. daphne or uvicorn serves `benchmarks.peers.relay:app`.
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

URL = f"{os.environ['PROVIDER_URL']}/chat/completions"
HEADERS = [(b"content-type", b"text/event-stream")]
sessions: list[aiohttp.ClientSession] = []


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if not sessions:
        sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=4096)))
    message = json.loads((await receive())["body"])["message"]
    body = {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": message}]}
    async with sessions[0].post(URL, json=body) as response:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        while data := await response.content.readany():
            await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
