"""How many streams and sockets one caller may have open, and how fast a socket may speak."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed

from tests.product import Product, Products
from tests.wire.client import Client, Socket, eventually
from tests.wire.rows import counts

LIMITS = {"MAX_OPEN_STREAMS": 2, "MAX_OPEN_SOCKETS": 2, "MAX_FRAMES_PER_SECOND": 10}
LONG = "paced:200:20"


@pytest.fixture(scope="module")
def server(products: Products, settings_of_the_tests: dict[str, object]):
    server = products.serve(**{**settings_of_the_tests, **LIMITS})
    yield server
    assert server.stop() == 0


@pytest.fixture
def bob(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("bob"))


async def test_a_stream_too_many_is_refused_and_starts_no_run(charlie: Client, bob: Client, server):
    async with AsyncExitStack() as open_streams:
        first, second = [
            await open_streams.enter_async_context(charlie.stream(LONG, reset_history=True)) for _ in range(2)
        ]
        await first.until("chat_chunk")
        await second.until("chat_chunk")
        before = counts(server)
        for refused in (
            await charlie.post("/chat/stream", {"message": "say:More", "reset_history": True}),
            await charlie.get(f"/runs/{first.run_id}/events"),
        ):
            assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "rate_limited", "1")
            assert "MAX_OPEN_STREAMS" in refused.error["message"]
        assert counts(server) == before
        page = await charlie.get(f"/runs/{first.run_id}/events", headers={"Accept": "application/json"})
        assert page.status == 200, "a page is no stream"
        assert [frame.type for frame in await bob.tell("say:Mine")][-1] == "chat_complete"
        await charlie.post(f"/runs/{first.run_id}/cancel")
        await charlie.post(f"/runs/{second.run_id}/cancel")

    async def has_room() -> bool:
        return (await charlie.get(f"/runs/{first.run_id}/events")).status == 200

    await eventually(has_room)


async def test_a_socket_too_many_is_told_why_and_closed(charlie: Client, bob: Client):
    async with charlie.socket() as one, charlie.socket() as two:
        for socket in (one, two):
            await socket.send("ping")
            assert (await socket.receive())["type"] == "pong"
        async with charlie.socket() as third:
            told = await third.receive()
            assert (told["type"], told["data"]["error_code"]) == ("error", "rate_limited")
            assert "MAX_OPEN_SOCKETS" in told["data"]["error_message"]
            with pytest.raises(ConnectionClosed) as closed:
                await third.receive()
        assert closed.value.rcvd.code == 4429
        async with bob.socket() as his:
            await his.send("ping")
            assert (await his.receive())["type"] == "pong"
    async with charlie.socket() as again:
        await again.send("ping")
        assert (await again.receive())["type"] == "pong"


async def test_frames_that_come_too_fast_are_not_obeyed_and_say_so(charlie: Client):
    async with charlie.socket() as socket:
        for number in range(14):
            await socket.send("ping", id=f"p{number}")
        answers = [await socket.receive() for _ in range(14)]
        refused = [answer for answer in answers if answer["type"] == "error"]
        assert 1 <= len(refused) <= 4
        assert {answer["data"]["error_code"] for answer in refused} == {"rate_limited"}
        assert "MAX_FRAMES_PER_SECOND" in refused[0]["data"]["error_message"]
        assert refused[-1]["id"] == "p13"
        await asyncio.sleep(1.2)
        await socket.send("ping")
        assert (await socket.receive())["type"] == "pong"


async def flood(socket: Socket) -> None:
    """Send until the socket is closed."""
    for _ in range(2000):
        await socket.send("ping")
    while True:
        await socket.receive()


async def test_who_goes_on_and_on_is_closed(charlie: Client):
    async with charlie.socket() as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await flood(socket)
    assert closed.value.rcvd.code == 4429
    assert (await charlie.ask("say:Still here")).status == 200


async def test_a_socket_carries_so_many_runs_and_no_more(alice: Client):
    async with alice.socket() as socket:
        for number in range(3):
            await socket.send("chat", {"message": LONG, "reset_history": True}, id=f"c{number}")
        while (told := await socket.receive())["type"] != "error":
            pass
        assert (told["id"], told["data"]["error_code"]) == ("c2", "rate_limited")
        assert "MAX_OPEN_STREAMS" in told["data"]["error_message"]


async def test_a_request_too_many_that_waits_for_an_answer_is_refused(bob: Client):
    body = {"message": "paced:150:20", "reset_history": True}
    waiting = [asyncio.create_task(bob.post("/chat", body)) for _ in range(2)]
    await asyncio.sleep(1)
    refused = await bob.post("/chat", body)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [200, 200]
