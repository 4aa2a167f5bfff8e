"""A person at a cluster: starts runs until they are accepted, cancels them, and asks afterwards what is stored."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import aiohttp
import msgspec

from tests.faults.checker import Received
from tests.faults.cluster import Cluster
from tests.faults.waiting import until

AWAY = (aiohttp.ClientError, ConnectionError, TimeoutError)
RETRY_SECONDS = 0.1
PERIOD_SECONDS = 0.1
Transport = Literal["header", "query", "socket"]
TRANSPORTS: tuple[Transport, ...] = ("header", "query", "socket")
ENDED = frozenset({"completed", "failed", "cancelled"})


class Address(Protocol):
    """Where a person reaches the product: one process, or a load balancer before several."""

    @property
    def url(self) -> str: ...

    @property
    def websocket_url(self) -> str: ...


class Unavailable(Exception):
    """The server says that one should come back: 503."""


class Page(msgspec.Struct):
    events: list[msgspec.Raw]
    next: int | None
    status: str


class Frame(msgspec.Struct):
    data: msgspec.Raw
    type: str
    seq: int = 0


@dataclass
class Person:
    """`accepted` counts the requests to start a run that it took until each was accepted."""

    session: aiohttp.ClientSession
    cluster: Cluster
    random: random.Random
    name: str = "alice"
    tries: list[int] = field(default_factory=list)

    @property
    def bearer(self) -> dict[str, str]:
        return self.cluster.first.bearer(self.name)

    async def start(
        self, message: str, *, server: Address | None = None, key: str = "", within: float = 60, **options: Any
    ) -> str:
        """Send a message in a conversation of its own until a server has accepted it; the run's id."""
        key, tries = key or str(uuid.uuid4()), 0
        async with asyncio.timeout(within):
            while True:
                tries += 1
                try:
                    run_id = await self._post(message, server or self.cluster.pick(self.random), key, options)
                except (*AWAY, Unavailable):
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    self.tries.append(tries)
                    return run_id

    async def _post(self, message: str, server: Address, key: str, options: Mapping[str, Any]) -> str:
        body = {"message": message, "reset_history": True, **options}
        headers = {**self.bearer, "Idempotency-Key": key}
        async with self.session.post(f"{server.url}/chat/stream", json=body, headers=headers) as answer:
            await require_ok(answer)
            return answer.headers["X-Run-Id"]

    async def get(self, path: str, *, server: Address | None = None, within: float = 60) -> bytes:
        """The body of a GET, asked for until a server answers."""
        async with asyncio.timeout(within):
            while True:
                url = f"{(server or self.cluster.pick(self.random)).url}{path}"
                headers = {**self.bearer, "Accept": "application/json"}
                try:
                    async with self.session.get(url, headers=headers) as answer:
                        await require_ok(answer)
                        return await answer.read()
                except (*AWAY, Unavailable):
                    await asyncio.sleep(RETRY_SECONDS)

    async def run(self, run_id: str) -> dict[str, Any]:
        return dict(json.loads(await self.get(f"/runs/{run_id}")))

    async def ended(self, run_id: str, *, within: float = 60) -> dict[str, Any]:
        """The run when it has ended; fails when that takes longer."""

        async def has_ended() -> bool:
            return (await self.run(run_id))["status"] in ENDED

        await until(has_ended, within=within, every=PERIOD_SECONDS)
        return await self.run(run_id)

    async def seen(self, run_id: str, event_type: str, *, times: int = 1, within: float = 60) -> None:
        """Return when the run's journal holds so many events of the type."""
        wanted = f'"event_type":"{event_type}"'.encode()

        async def is_stored() -> bool:
            return b"".join(await self.journal(run_id)).count(wanted) >= times

        await until(is_stored, within=within, every=PERIOD_SECONDS)

    async def journal(self, run_id: str) -> list[bytes]:
        """Every stored event, page by page."""
        events: list[bytes] = []
        after: int | None = 0
        while after is not None:
            body = await self.get(f"/runs/{run_id}/events?after={after}&limit=1000")
            page = msgspec.json.decode(body, type=Page)
            events += map(bytes, page.events)
            after = page.next if page.events else None
        return events

    async def cancel(self, run_id: str, server: Address) -> dict[str, Any]:
        async with self.session.post(f"{server.url}/runs/{run_id}/cancel", headers=self.bearer) as answer:
            await require_ok(answer)
            return dict(await answer.json())

    async def decide(self, run_id: str, call_id: str, decision: str) -> dict[str, Any]:
        """Say what became of a call; the call afterwards."""
        url = f"{self.cluster.pick(self.random).url}/runs/{run_id}/tool_calls/{call_id}/decision"
        async with self.session.post(url, json={"decision": decision}, headers=self.bearer) as answer:
            await require_ok(answer)
            return dict(await answer.json())

    async def follow(
        self, run_id: str, after: int, *, server: Address, transport: Transport = "header"
    ) -> AsyncGenerator[Received, None]:
        """The events after the cursor, as they come."""
        take = self._socket if transport == "socket" else self._stream
        async with aclosing(take(run_id, after, server, transport)) as events:
            async for each in events:
                yield each

    async def _stream(
        self, run_id: str, after: int, server: Address, transport: Transport
    ) -> AsyncGenerator[Received, None]:
        query, header = (
            (f"?after={after}", {}) if transport == "query" else ("", {"Last-Event-ID": f"{run_id}:{after}"})
        )
        url = f"{server.url}/runs/{run_id}/events{query}"
        async with self.session.get(url, headers={**self.bearer, **header}) as answer:
            await require_ok(answer)
            rest = b""
            async for piece in answer.content.iter_any():
                *blocks, rest = (rest + piece).split(b"\n\n")
                for block in blocks:
                    fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if line[:1] != b":")
                    if b"data" in fields:
                        yield Received(int(fields[b"id"].rpartition(b":")[2]), fields[b"data"])

    async def _socket(
        self, run_id: str, after: int, server: Address, transport: Transport
    ) -> AsyncGenerator[Received, None]:
        async with AsyncExitStack() as stack:
            connecting = self.session.ws_connect(server.websocket_url, headers=self.bearer, max_msg_size=0)
            socket = await stack.enter_async_context(connecting)
            await socket.send_json({"type": "resume", "data": {"run_id": run_id, "after": after}})
            async for message in socket:
                frame = msgspec.json.decode(message.data, type=Frame)
                if not frame.seq:
                    raise Unavailable(message.data)
                yield Received(frame.seq, bytes(frame.data))


async def require_ok(answer: aiohttp.ClientResponse) -> None:
    """Raises Unavailable for 503 (which has to say when to come back), AssertionError for anything else but 200."""
    if answer.status == 503:
        assert "Retry-After" in answer.headers, "a 503 without Retry-After"
        raise Unavailable(await answer.text())
    assert answer.status == 200, f"{answer.method} {answer.url.path}: {answer.status} {await answer.text()}"
