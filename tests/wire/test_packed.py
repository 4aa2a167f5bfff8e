"""Runs whose events are packed: from every cursor, on every transport, readers get the very bytes of the first time."""

import asyncio
import json

import aiohttp

from tests.product import Product, Serve
from tests.wire.client import Client, eventually
from tests.wire.rows import key, select
from tests.wire.scripts import uses

CALLS = [("calculate", {"expression": "1+1"}), ("repeat", {"text": "é", "times": 40_000})]


async def pack(server: Product, run_id: str) -> None:
    """All runs that have ended, by the command; there has to be no row left of this one."""
    await asyncio.to_thread(server.manage, "pack_runs", "--after", "0")
    for table, some in (("chat_runevent", False), ("chat_eventpack", True)):
        ((count,),) = select(server, f"SELECT count(*) FROM {table} WHERE run_id = ?", key(server, run_id))  # noqa: S608
        assert bool(count) is some, table


async def told(alice: Client) -> tuple[str, list[bytes]]:
    """A run with tool calls of many pieces, more than one pack of them, as its first reader got it."""
    await alice.post("/agents/parrot", {"tools": ["calculate", "repeat"]})
    async with alice.stream(uses(*CALLS), agent_name="parrot") as stream:
        return stream.run_id, [frame.data for frame in await stream.rest()]


async def test_every_cursor_gives_the_same_bytes_as_before(alice: Client, server: Product):
    run_id, frames = await told(alice)
    run = (await alice.get(f"/runs/{run_id}")).json
    await pack(server, run_id)
    for after in range(len(frames) + 1):
        async with alice.follow(run_id, f"?after={after}") as stream:
            assert [frame.data for frame in await stream.rest()] == frames[after:]
    async with alice.stream("sent again", headers={"Last-Event-ID": f"{run_id}:2"}) as again:
        assert [frame.data for frame in await again.rest()] == frames[2:]
    assert (await alice.get(f"/runs/{run_id}")).json == run
    assert run["last_seq"] == len(frames)
    refused = await alice.get(f"/runs/{run_id}/events?after={len(frames) + 1}")
    assert (refused.status, refused.code) == (400, "invalid_request")
    await check_pages(alice, run_id, len(frames))


async def check_pages(alice: Client, run_id: str, count: int) -> None:
    events, after = [], 0
    while after is not None:
        page = await alice.get(f"/runs/{run_id}/events?after={after}&limit=3", headers={"Accept": "application/json"})
        events += page.json["events"]
        assert len(page.json["events"]) <= 3
        after = page.json["next"]
    assert [event["seq"] for event in events] == list(range(1, count + 1))


async def test_a_socket_gets_the_same_bytes_as_while_the_run_went_on(alice: Client, server: Product):
    async with alice.socket() as socket:
        await socket.send("chat", {"message": "paced:20:5"})
        live = [await socket.text()]
        while json.loads(live[-1])["type"] != "chat_complete":
            live.append(await socket.text())
        run_id = json.loads(live[0])["run_id"]
        await pack(server, run_id)
        for after in (0, 1, len(live) - 1):
            await socket.send("resume", {"run_id": run_id, "after": after})
            assert [await socket.text() for _ in live[after:]] == live[after:]
        await socket.send("cancel", {"run_id": run_id})
        assert await socket.text() == live[-1]


async def test_a_server_packs_its_runs_by_itself(serve: Serve, session: aiohttp.ClientSession, settings_of_the_tests):
    server = serve("sqlite", **settings_of_the_tests, PACK_EVENTS_AFTER_SECONDS=0)
    alice = Client(server, session, server.bearer("alice"))
    async with alice.stream("paced:20:5") as stream:
        frames = [frame.data for frame in await stream.rest()]

    async def is_packed() -> bool:
        ((rows,),) = select(server, "SELECT count(*) FROM chat_runevent")
        return rows == 0

    await eventually(is_packed, seconds=30)
    async with alice.follow(stream.run_id) as again:
        assert [frame.data for frame in await again.rest()] == frames
