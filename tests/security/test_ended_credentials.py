"""What was opened with credentials that end is closed within seconds, on every process; the runs themselves go on."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import pytest

from tests.product import Product
from tests.security.figures import record
from tests.wire.client import Answer, Client, Socket, Stream
from tests.wire.rows import execute, make_key, make_user
from tests.wire.signing_in import PASSWORD, hashed, sign_out, signed_in

WITHIN_SECONDS = 5
AGO = "2020-01-01 00:00:00"
LONG = "paced:600:50"
End = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module")
def password() -> str:
    return hashed(PASSWORD)


@dataclass
class Opened:
    """What one credential holds open: a stream and a socket on one process, and a request that waits on another."""

    stream: Stream
    socket: Socket
    waiting: "asyncio.Task[Answer]"

    async def seconds_until_closed(self) -> float:
        began = time.monotonic()
        frames, code, answer = await asyncio.gather(self.stream.rest(), self.socket.close_code(), self.waiting)
        assert all(frame.type != "chat_complete" for frame in frames)
        assert code == 4401
        assert (answer.status, answer.code) == (401, "unauthenticated")
        return time.monotonic() - began


async def open_everything(stack: AsyncExitStack, client: Client, other: Product) -> Opened:
    stream = await stack.enter_async_context(client.stream(LONG, reset_history=True))
    await stream.until("chat_chunk")
    socket = await stack.enter_async_context(client.socket(Origin=client.server.url))
    await socket.send("resume", {"run_id": stream.run_id})
    await socket.receive()
    waiting = asyncio.create_task(client.at(other).ask(LONG, reset_history=True))
    return Opened(stream, socket, waiting)


class Ends:
    """Ways in which credentials end. Each makes a person whose credentials they are, and says how they end."""

    def __init__(self, server: Product, session: aiohttp.ClientSession, password: str) -> None:
        self.server, self.session, self.password = server, session, password

    async def key_is_revoked(self) -> tuple[Client, End]:
        return self._key("UPDATE chat_apikey SET revoked_at = ? WHERE prefix = ?", AGO)

    async def key_expires(self) -> tuple[Client, End]:
        return self._key("UPDATE chat_apikey SET expires_at = ? WHERE prefix = ?", AGO)

    async def key_is_deleted(self) -> tuple[Client, End]:
        return self._key("DELETE FROM chat_apikey WHERE prefix = ?")

    async def key_loses_its_scope(self) -> tuple[Client, End]:
        return self._key("UPDATE chat_apikey SET scopes = ? WHERE prefix = ?", '["agents"]')

    async def person_is_deactivated(self) -> tuple[Client, End]:
        change = "UPDATE auth_user SET is_active = ? WHERE id = (SELECT user_id FROM chat_apikey WHERE prefix = ?)"
        return self._key(change, False)

    async def person_signs_out(self) -> tuple[Client, End]:
        _, browser = await self._browser()
        return browser, lambda: sign_out(browser)

    async def password_changes(self) -> tuple[Client, End]:
        return await self._session("UPDATE auth_user SET password = ? WHERE username = ?", "!changed")

    async def person_with_a_session_is_deactivated(self) -> tuple[Client, End]:
        return await self._session("UPDATE auth_user SET is_active = ? WHERE username = ?", False)

    async def person_is_no_longer_staff(self) -> tuple[Client, End]:
        return await self._session("UPDATE auth_user SET is_staff = ? WHERE username = ?", False)

    def _key(self, statement: str, *values: object) -> tuple[Client, End]:
        key = make_key(self.server, make_user(self.server))
        client = Client(self.server, self.session, {"Authorization": f"Bearer {key}"})
        return client, lambda: asyncio.to_thread(execute, self.server, statement, *values, key.partition(".")[0])

    async def _session(self, statement: str, *values: object) -> tuple[Client, End]:
        name, browser = await self._browser()
        return browser, lambda: asyncio.to_thread(execute, self.server, statement, *values, name)

    async def _browser(self) -> tuple[str, Client]:
        name = make_user(self.server, password=self.password, is_staff=True)
        return name, await signed_in(self.server, self.session, name)


async def test_streams_sockets_and_waiting_requests_end_with_their_credentials(cluster, session, password):
    ways = Ends(cluster[0], session, password)
    names = [name for name in vars(Ends) if not name.startswith("_")]
    async with AsyncExitStack() as stack:
        people = [await getattr(ways, name)() for name in names]
        opened = [await open_everything(stack, client, cluster[1]) for client, _ in people]
        bystander, _ = await ways.key_is_revoked()
        stays = await open_everything(stack, bystander, cluster[1])
        for _, end in people:
            await end()
        seconds = await asyncio.gather(*(each.seconds_until_closed() for each in opened))
        late = {name: taken for name, taken in zip(names, seconds, strict=True) if taken > WITHIN_SECONDS}
        assert not late
        assert not stays.waiting.done()
        await stays.stream.next()
        stays.waiting.cancel()
    record("Credentials that end close what they opened", f"{len(names)} ways, at most {max(seconds):.1f} s")


async def test_a_run_goes_on_when_its_reader_has_lost_the_right_and_is_told_to_who_has_it_again(cluster, session):
    server, other = cluster
    name = make_user(server)
    first, second = (
        Client(server, session, {"Authorization": f"Bearer {key}"})
        for key in (make_key(server, name), make_key(server, name))
    )
    async with first.stream("paced:120:50") as stream:
        seen = await stream.until("chat_chunk")
        prefix = first.headers["Authorization"].removeprefix("Bearer ").partition(".")[0]
        execute(server, "UPDATE chat_apikey SET revoked_at = ? WHERE prefix = ?", AGO, prefix)
        seen += await stream.rest()
    assert (await first.get(f"/runs/{stream.run_id}")).status == 401
    async with second.at(other).follow(stream.run_id, Last_Event_ID=seen[-1].id) as again:
        rest = await again.rest()
    assert [frame.seq for frame in seen + rest] == list(range(1, rest[-1].seq + 1))
    assert rest[-1].type == "chat_complete"
