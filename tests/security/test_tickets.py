"""Tickets open one socket for a page of another origin: once, for half a minute, with its caller's rights."""

import asyncio

import pytest

from tests.security.conftest import FRIEND
from tests.security.figures import record
from tests.security.sizes import SIZES
from tests.wire.client import Client
from tests.wire.rows import execute, make_key, make_user, select
from tests.wire.test_open_access import socket_outcome

AGO = "2020-01-01 00:00:00"


@pytest.fixture
def alice(cluster, session) -> Client:
    key = make_key(cluster[0], make_user(cluster[0]), "chat")
    return Client(cluster[0], session, {"Authorization": f"Bearer {key}"})


async def ticket_of(client: Client) -> str:
    made = await client.post("/ws/ticket")
    assert made.status == 201, made.body
    assert made.headers["Cache-Control"] == "no-store"
    return str(made.json["ticket"])


async def opened(client: Client, ticket: str, **headers: str) -> str:
    return await socket_outcome(client.server, headers, query=f"?ticket={ticket}")


@pytest.mark.parametrize("origin", [FRIEND, None])
async def test_a_ticket_opens_a_socket_once(alice: Client, origin):
    headers = {"Origin": origin} if origin else {}
    ticket = await ticket_of(alice)
    assert await opened(alice, ticket, **headers) == "open"
    assert await opened(alice, ticket, **headers) == "4401"


async def test_of_many_who_show_a_ticket_at_once_to_all_processes_one_gets_in(alice: Client, cluster):
    for _ in range(SIZES.ticket_races):
        ticket = await ticket_of(alice)
        tries = (opened(alice.at(server), ticket, Origin=FRIEND) for server in cluster * SIZES.ticket_rivals)
        outcomes = await asyncio.gather(*tries)
        assert sorted(outcomes) == ["4401"] * (len(outcomes) - 1) + ["open"]
    rivals = f"{2 * SIZES.ticket_rivals} sockets at once on 2 processes"
    record("A ticket opens one socket", f"{SIZES.ticket_races} tickets, {rivals}: each opened exactly one")


async def test_a_page_that_may_not_use_a_ticket_does_not_spend_it(alice: Client):
    ticket = await ticket_of(alice)
    for origin in ("https://evil.example", f"{FRIEND}:8443", FRIEND.replace("https", "http"), "null"):
        assert await opened(alice, ticket, Origin=origin) in {"4403", "HTTP 400"}, origin
    assert await opened(alice, ticket, Origin=FRIEND) == "open"


async def test_tickets_end(alice: Client, cluster):
    ticket = await ticket_of(alice)
    execute(cluster[0], "UPDATE chat_socketticket SET expires_at = ?", AGO)
    assert await opened(alice, ticket, Origin=FRIEND) == "4401"
    await ticket_of(alice)
    assert select(cluster[0], "SELECT count(*) FROM chat_socketticket WHERE expires_at = ?", AGO) == [(0,)]


@pytest.mark.parametrize("ticket", ["", "x", "x" * 5000, "%00", "%ff", "a&ticket=b"])
async def test_what_is_no_ticket_opens_nothing_whatever_else_is_shown(alice: Client, ticket):
    assert await opened(alice, ticket) == "4401"
    assert await opened(alice, ticket, Cookie="sessionid=x", Origin=alice.server.url) == "4401"


async def test_a_ticket_is_no_key(alice: Client):
    ticket = await ticket_of(alice)
    nobody = alice.bearing()
    assert (await nobody.get(f"/conversations?ticket={ticket}")).status == 401
    assert (await alice.bearing(Authorization=f"Bearer {ticket}").get("/conversations")).status == 401
    assert await opened(alice, ticket, Authorization="Bearer wrong") == "4401"
    assert await opened(alice, ticket) == "open"


async def test_a_ticket_ends_with_the_key_that_asked_for_it_and_so_does_its_socket(alice: Client):
    ticket, unused = await ticket_of(alice), await ticket_of(alice)
    async with alice.bearing(Origin=FRIEND).socket(query=f"?ticket={ticket}") as socket:
        assert (await socket.chat("say:Hello"))[-1]["type"] == "chat_complete"
        prefix = alice.headers["Authorization"].removeprefix("Bearer ").partition(".")[0]
        execute(alice.server, "UPDATE chat_apikey SET revoked_at = ? WHERE prefix = ?", AGO, prefix)
        assert await opened(alice, unused, Origin=FRIEND) == "4401"
        assert await asyncio.wait_for(socket.close_code(), 5) == 4401


async def test_a_ticket_is_stored_hashed_and_never_logged(alice: Client, cluster):
    ticket = await ticket_of(alice)
    assert await opened(alice, ticket, Origin="https://evil.example") == "4403"
    assert await opened(alice, ticket, Origin=FRIEND) == "open"
    assert await opened(alice, ticket, Origin=FRIEND) == "4401"
    kept = await ticket_of(alice)
    rows = select(cluster[0], "SELECT digest, via, credential FROM chat_socketticket")
    assert rows
    assert not any(kept in value for row in rows for value in row)
    for server in cluster:
        assert ticket not in server.log
        assert kept not in server.log
