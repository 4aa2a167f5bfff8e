"""Every route and every message, asked by everybody, with a victim's ids in them: see matrix.py."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, get_args, get_type_hints

import aiohttp
import pytest
from django.urls import URLResolver, get_resolver, include, path
from drf_spectacular.generators import SchemaGenerator
from websockets.exceptions import ConnectionClosed

from chat.requests import Frame
from tests.product import PROFILES, Product, Products
from tests.security.matrix import (
    CALLERS,
    FRAMES,
    NAMES,
    OPENS,
    ROUTES,
    STRANGERS,
    Attempt,
    FrameAttempt,
    filled,
    without_rows,
)
from tests.security.sizes import IS_FULL
from tests.wire.client import Answer, Client, Socket
from tests.wire.rows import execute, key, make_key, make_user
from tests.wire.scripts import uses
from tests.wire.signing_in import PASSWORD, hashed, signed_in
from tests.wire.test_open_access import socket_outcome

AGO = "2020-01-01 00:00:00"
SECRET = "the secret of alice"
UNKNOWN = {
    "run": "01890a5d-ac96-774b-bcce-b302099a8057",
    "conversation": "01890a5d-ac96-774b-bcce-b302099a8058",
    "call": "c99",
}
OTHER_SCOPE = {"chat": "agents", "agents": "chat"}
CHANGING = {"date", "x-request-id"}  # headers that differ from answer to answer
People = dict[str, Client]


@pytest.fixture(scope="module", params=PROFILES if IS_FULL else ["sqlite"])
def server(request: pytest.FixtureRequest, products: Products, provider: str) -> Iterator[Product]:
    """A server with open access, so that `local` is somebody."""
    before = len(products)
    yield products.serve(request.param, OPENAI_BASE_URL=provider)
    products.end(since=before)


@pytest.fixture(scope="module")
def headers_of(server: Product) -> dict[str, dict[str, str]]:
    """What each caller shows. `without_agents` and `without_chat` are the keys of the caller without the scope."""
    alice, bob, admin = (make_user(server, password=hashed(PASSWORD), is_staff=name == "a") for name in "xya")
    keys = {
        "alice": make_key(server, alice),
        "bob": make_key(server, bob),
        "revoked": make_key(server, alice),
        "expired": make_key(server, alice),
        "without_chat": make_key(server, alice, "agents"),
        "without_agents": make_key(server, alice, "chat"),
    }
    for name, column in (("revoked", "revoked_at"), ("expired", "expires_at")):
        prefix = keys[name].partition(".")[0]
        execute(server, f"UPDATE chat_apikey SET {column} = ? WHERE prefix = ?", AGO, prefix)  # noqa: S608 - our names
    shown = {name: {"Authorization": f"Bearer {text}"} for name, text in keys.items()}
    return shown | {
        "nobody": {"X-Forwarded-For": "203.0.113.9"},
        "local": {},
        "admin": asyncio.run(_session(server, admin)),
    }


async def _session(server: Product, name: str) -> dict[str, str]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        return (await signed_in(server, session, name)).headers


@pytest.fixture
def people(server: Product, session: aiohttp.ClientSession, headers_of: dict[str, dict[str, str]]) -> People:
    return {name: Client(server, session, headers) for name, headers in headers_of.items()}


def who(people: People, caller: str, scope: str) -> Client:
    return people[f"without_{scope}" if caller == "without_scope" else caller]


async def victim(people: People) -> dict[str, str]:
    """An ended run of alice's with a tool call whose outcome is unknown, in a conversation of its own."""
    alice = people["alice"]
    idempotency = secrets.token_hex(8)
    message = uses(("calculate", {"expression": "1+1"}), then=SECRET)
    told = (await alice.ask(message, reset_history=True, headers={"Idempotency-Key": idempotency})).json
    cursor = (await alice.get("/conversations?limit=1")).json["next"] or ""  # the first one has nothing after it
    last = (await alice.get(f"/runs/{told['run_id']}")).json["last_seq"]
    execute(
        alice.server,
        "UPDATE chat_toolcall SET status = 'outcome_unknown' WHERE run_id = ?",
        key(alice.server, told["run_id"]),
    )
    return {
        "run": told["run_id"],
        "conversation": told["conversation_id"],
        "call": told["tool_calls"][0]["id"],
        "cursor": cursor,
        "key": idempotency,
        "before_last": str(last - 1),
    }


async def new_agent(alice: Client) -> str:
    name = f"a{secrets.token_hex(8)}"
    assert (await alice.post(f"/agents/{name}", {})).status == 201
    return name


# --- what there is ---------------------------------------------------------------------------------------------------
def operations(schema: Mapping[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}


def pages(patterns: list[Any], prefix: str = "/") -> set[str]:
    """Every route of the URLs; the admin, which has a door of its own, counts as one."""
    found: set[str] = set()
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver) and route != "/admin/":
            found |= pages(pattern.url_patterns, route)
        else:
            found.add(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route))
    return found


def all_routes() -> set[str]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    undocumented = pages(get_resolver().url_patterns) - set(schema["paths"])
    return operations(schema) | {f"GET {route}" for route in undocumented}


def all_messages() -> set[str]:
    return set(get_args(get_type_hints(Frame)["type"]))


def test_every_route_and_every_message_has_a_row():
    assert without_rows(all_routes(), ROUTES) == set()
    assert without_rows(all_messages(), FRAMES) == set()
    for attempt in (attempt for attempts in ROUTES.values() for attempt in attempts):
        assert set(attempt.expected) == set(CALLERS)
    assert set(OPENS) == set(CALLERS)


def test_a_route_or_message_without_a_row_is_found():
    grown = all_routes() | operations({"paths": {"/share/{id}": {"get": {}, "delete": {}}}})
    assert without_rows(grown, ROUTES) == {"GET /share/{id}", "DELETE /share/{id}"}
    assert without_rows(all_messages() | {"approve"}, FRAMES) == {"approve"}
    assert without_rows(all_messages() - {"ping"}, FRAMES) == {"ping"}


def test_a_route_that_the_schema_does_not_know_is_found_too():
    hidden = [path("share/<str:share_id>", lambda request, share_id: None), path("deep/", include([]))]
    assert pages([*hidden, path("deep/", include([path("er", lambda request: None)]))]) == {
        "/share/{share_id}",
        "/deep/er",
    }


# --- routes ----------------------------------------------------------------------------------------------------------
def placed(route: str, ids: Mapping[str, str]) -> str:
    """The route's path with ids for its parameters."""
    place = route.partition(" ")[2]
    fresh = f"a{secrets.token_hex(8)}"
    names = NAMES | {"agent_name": "{fresh}" if route.startswith("POST") else "{agent}"}
    for name, template in names.items():
        place = place.replace(f"{{{name}}}", template)
    return str(filled(place, {**ids, "fresh": fresh}))


async def ask(client: Client, route: str, attempt: Attempt, ids: Mapping[str, str]) -> Answer:
    return await client.send(
        route.partition(" ")[0],
        placed(route, ids) + filled(attempt.query, ids),
        filled(attempt.body, ids),
        headers=filled(attempt.headers, ids),
    )


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """All of an answer that could tell one id from another."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in CHANGING}
    return answer.status, headers, answer.without_request_id()


@pytest.mark.parametrize("route", ROUTES)
async def test_each_caller_gets_what_the_row_says_and_nobody_gets_what_is_alices(people: People, route: str):
    for attempt in ROUTES[route]:
        ids = await victim(people)
        for caller in CALLERS:
            client = who(people, caller, attempt.scope)
            if "agent_name" in route:  # agents are nobody's own: each caller has one to change
                ids["agent"] = await new_agent(people["alice"])
            answer = await ask(client, route, attempt, ids)
            assert answer.status == attempt.expected[caller], (caller, attempt, answer.body)
            if caller != "alice":
                shown = answer.body.decode() + str(answer.headers)
                assert not [name for name in ("run", "conversation") if ids[name] in shown], (caller, attempt)
                assert SECRET not in shown
            if attempt.is_owned and caller in STRANGERS:
                assert told(answer) == told(await ask(client, route, attempt, {**ids, **UNKNOWN})), (caller, attempt)


# --- messages --------------------------------------------------------------------------------------------------------
@asynccontextmanager
async def opened(client: Client) -> AsyncIterator[Socket]:
    """A socket as the client's browser or program opens it."""
    origin = {"Origin": client.server.url} if "Cookie" in client.headers else {}
    async with client.socket(**origin) as socket:
        yield socket


@pytest.mark.parametrize("kind", FRAMES)
async def test_each_caller_gets_the_frames_of_the_row_and_nobody_gets_what_is_alices(people: People, kind: str):
    for attempt in FRAMES[kind]:
        ids = await victim(people)
        for caller in (*STRANGERS, "alice"):
            reply = await first_reply(people[caller], kind, attempt, ids)
            if caller == "alice" or not attempt.is_owned:
                assert json.loads(reply)["type"] == attempt.reply, (caller, reply)
                continue
            assert json.loads(reply)["data"]["error_code"] == "not_found"
            assert reply == await first_reply(people[caller], kind, attempt, {**ids, **UNKNOWN}), caller


async def first_reply(client: Client, kind: str, attempt: FrameAttempt, ids: Mapping[str, str]) -> str:
    """Send the frame, and a ping after one that is answered by nothing else: the text of the first frame back."""
    async with opened(client) as socket:
        await socket.send(kind, filled(attempt.data, ids))
        if attempt.reply == "pong":
            await socket.send("ping")
        try:
            return await socket.text()
        except ConnectionClosed as closed:
            return json.dumps({"type": f"close {closed.rcvd and closed.rcvd.code}"})


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_socket_opens_to_whom_the_row_says(people: People, caller: str):
    client = who(people, caller, "chat")
    origin = {"Origin": client.server.url} if "Cookie" in client.headers else {}
    assert await socket_outcome(client.server, {**client.headers, **origin}) == OPENS[caller]
