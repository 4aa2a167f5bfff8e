"""A client of the product as programs write one: HTTP, Server-Sent Events and WebSockets, with one person's key."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from yarl import URL

from tests.product import Product

TERMINAL = {"chat_complete", "chat_cancelled", "error"}


async def eventually(fact: Callable[[], Awaitable[bool]], *, seconds: float = 10) -> None:
    """Return as soon as the fact, which is about another process, holds."""
    async with asyncio.timeout(seconds):
        while not await fact():  # noqa: ASYNC110 - no event of ours tells of it
            await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return dict(self.json["error"])

    @property
    def code(self) -> str:
        return str(self.error["code"])

    def without_request_id(self) -> bytes:
        return self.body.replace(self.error["request_id"].encode(), b"")


@dataclass(frozen=True)
class Frame:
    """One event of a stream: its id and the bytes of its data."""

    id: str
    data: bytes

    @property
    def seq(self) -> int:
        return int(self.id.rpartition(":")[2])

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.data))

    @property
    def type(self) -> str:
        return str(self.event["event_type"])


class Stream:
    """A response of Server-Sent Events. `retry` and `comments` are what stood beside the events so far."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.status = response.status
        self.headers = response.headers
        self.retry = ""
        self.comments: list[str] = []

    @property
    def run_id(self) -> str:
        return self.headers["X-Run-Id"]

    @property
    def conversation_id(self) -> str:
        return self.headers["X-Conversation-Id"]

    async def frames(self) -> AsyncIterator[Frame]:
        rest = b""
        async for piece in self.response.content.iter_any():
            *blocks, rest = (rest + piece).split(b"\n\n")
            for block in blocks:
                frame = self._parse(block)
                if frame is not None:
                    yield frame
        assert not rest, f"half a frame at the end: {rest!r}"

    def _parse(self, block: bytes) -> Frame | None:
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if not line.startswith(b":"))
        self.comments += [line.decode() for line in block.split(b"\n") if line.startswith(b":")]
        self.retry = fields.get(b"retry", b"").decode() or self.retry
        return Frame(fields[b"id"].decode(), fields[b"data"]) if b"data" in fields else None

    async def next(self) -> Frame:
        return await anext(aiter(self.frames()))

    async def until(self, event_type: str) -> list[Frame]:
        """The frames up to the first of that type."""
        taken = []
        async for frame in self.frames():
            taken.append(frame)
            if frame.type == event_type:
                return taken
        raise AssertionError(f"no {event_type} came, only {[frame.type for frame in taken]}")

    async def rest(self) -> list[Frame]:
        return [frame async for frame in self.frames()]


class Socket:
    """A WebSocket of one person."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, kind: str, data: Any = None, **fields: Any) -> None:
        body = {"type": kind, **fields} if data is None else {"type": kind, "data": data, **fields}
        await self.connection.send(json.dumps(body))

    async def text(self) -> str:
        return str(await self.connection.recv())

    async def receive(self) -> dict[str, Any]:
        return dict(json.loads(await self.text()))

    async def until(self, *kinds: str) -> list[dict[str, Any]]:
        """The frames up to the first of these types."""
        taken = [await self.receive()]
        while taken[-1]["type"] not in kinds:
            taken.append(await self.receive())
        return taken

    async def close_code(self) -> int | None:
        """Read until the server closes; with which code."""
        try:
            while True:
                await self.text()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None

    async def chat(self, message: str, **options: Any) -> list[dict[str, Any]]:
        """Ask and wait for the end; all frames."""
        await self.send("chat", {"message": message, **options})
        return await self.until(*TERMINAL)


class Client:
    """One person at one server. `headers` go with everything."""

    def __init__(self, server: Product, session: aiohttp.ClientSession, headers: Mapping[str, str]) -> None:
        self.server = server
        self.session = session
        self.headers = dict(headers)

    def at(self, server: Product) -> "Client":
        """The same person at another server."""
        return Client(server, self.session, self.headers)

    def bearing(self, **headers: str) -> "Client":
        """The same server, with these headers instead (`_` stands for `-`)."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(self.server, self.session, named)

    async def send(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Answer:
        """Send a request; a body that is not bytes goes as JSON."""
        merged = {**self.headers, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            merged.setdefault("Content-Type", "application/json")
        # A path that is ASCII goes over the wire as it is: `..` and `%2e` are the server's to judge.
        url = URL(f"{self.server.url}{path}", encoded=path.isascii() and " " not in path)
        async with self.session.request(
            method, url, data=io.BytesIO(body) if body else body, headers=merged, allow_redirects=False, **options
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.send("POST", path, body, **options)

    async def ask(self, message: Any, *, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """`POST /chat`."""
        return await self.post("/chat", {"message": message, **options}, headers=headers)

    @asynccontextmanager
    async def stream(
        self, message: Any = "say:Hello", *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> AsyncIterator[Stream]:
        """`POST /chat/stream`; leaving the context closes the connection."""
        async with self.session.post(
            f"{self.server.url}/chat/stream",
            json={"message": message, **options},
            headers={**self.headers, **(headers or {})},
        ) as response:
            yield Stream(response)

    @asynccontextmanager
    async def follow(self, run_id: str, query: str = "", **headers: str) -> AsyncIterator[Stream]:
        """`GET /runs/{id}/events`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(
            f"{self.server.url}/runs/{run_id}/events{query}", headers={**self.headers, **named}
        ) as response:
            yield Stream(response)

    async def tell(self, message: Any = "say:Hello", **options: Any) -> list[Frame]:
        """Stream an answer to its end; all frames."""
        async with self.stream(message, **options) as stream:
            return await stream.rest()

    async def events(self, run_id: str) -> list[dict[str, Any]]:
        """The events that the run has stored."""
        answer = await self.get(f"/runs/{run_id}/events?limit=1000", headers={"Accept": "application/json"})
        return list(answer.json["events"])

    @asynccontextmanager
    async def socket(self, query: str = "", **headers: str) -> AsyncIterator[Socket]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with connect(
            self.server.websocket_url + query,
            additional_headers={**self.headers, **named},
            max_size=None,
            proxy=None,
            compression=None,
            ping_interval=None,
        ) as connection:
            yield Socket(connection)
