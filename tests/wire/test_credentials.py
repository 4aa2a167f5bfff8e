"""API keys and sessions, where open access is off."""

import re

import aiohttp
import pytest

from tests.product import Product, Products, run
from tests.wire.client import Client
from tests.wire.rows import execute, select
from tests.wire.signing_in import PASSWORD, sign_out, signed_in
from tests.wire.test_open_access import socket_outcome

FRIEND = "https://app.example.com"
MAKE_PEOPLE = f"""
from django.contrib.auth import get_user_model
users = get_user_model().objects
users.create_user("visitor", password={PASSWORD!r})
users.create_superuser("admin", password={PASSWORD!r})
"""


@pytest.fixture(scope="module")
def server(products: Products, settings_of_the_tests: dict[str, object]):
    """A server without open access, which allows the pages of one other origin."""
    settings = {"OPEN_ACCESS": 0, "CORS_ALLOWED_ORIGINS": FRIEND}
    server = products.serve(**{**settings_of_the_tests, **settings})
    run(server.environment, "manage.py", "shell", "--verbosity", "0", "-c", MAKE_PEOPLE)
    yield server
    assert server.stop() == 0


@pytest.fixture
def alice(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("alice"))


def key_row(server: Product, username: str) -> int:
    query = (
        "SELECT k.id FROM chat_apikey k JOIN auth_user u ON u.id = k.user_id WHERE u.username = ? ORDER BY k.id DESC"
    )
    return int(select(server, query, username)[0][0])


def without_token(client: Client) -> dict[str, str]:
    return {"Cookie": client.headers["Cookie"]}


async def test_without_open_access_this_machine_needs_credentials_too(server, session):
    nobody = Client(server, session, {})
    refused = await nobody.get("/conversations")
    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert await socket_outcome(server, {}) == "4401"
    page = await nobody.get("/")
    assert (page.status, page.headers["Location"]) == (302, "/accounts/login/?next=/")
    for path in ("/health", "/health/live", "/health/ready", "/openapi.json", "/docs"):
        assert (await nobody.get(path)).status == 200


async def test_a_key_opens_rest_streams_and_sockets(alice: Client):
    assert (await alice.ask("say:Hello")).status == 200
    assert (await alice.tell("say:Hello"))[-1].type == "chat_complete"
    async with alice.socket() as socket:
        assert (await socket.chat("say:Hello"))[-1]["type"] == "chat_complete"


async def test_the_scheme_of_a_key_has_any_case(alice: Client):
    key = alice.headers["Authorization"].split()[1]
    assert (await alice.bearing(Authorization=f"bEaReR  {key}").get("/conversations")).status == 200


async def test_a_forwarded_request_with_a_key_is_fine(alice: Client):
    assert (await alice.get("/conversations", headers={"X-Forwarded-For": "203.0.113.9"})).status == 200


async def test_scopes_say_what_a_key_may(server: Product, session):
    execute(server, "UPDATE chat_apikey SET scopes = ? WHERE id = ?", '["chat"]', key_row(server, "bob"))
    execute(server, "UPDATE chat_apikey SET scopes = ? WHERE id = ?", '["agents"]', key_row(server, "charlie"))
    chats, manages = (Client(server, session, server.bearer(name)) for name in ("bob", "charlie"))
    assert (await chats.ask("say:Hello")).status == 200
    listed = await chats.get("/agents")
    assert "instructions" not in listed.json["results"][0]
    for method, path in (("POST", "/agents/x"), ("PATCH", "/agents/default"), ("PUT", "/agents/default")):
        refused = await chats.send(method, path, {})
        assert (refused.status, refused.code) == (403, "forbidden")
    assert (await manages.post("/agents/x", {})).status == 201
    for method, path in (("POST", "/chat"), ("POST", "/chat/stream"), ("GET", "/conversations"), ("GET", "/agents")):
        refused = await manages.send(method, path, {"message": "say:Hi"} if method == "POST" else None)
        assert (refused.status, refused.code) == (403, "forbidden")
    assert await socket_outcome(server, server.bearer("charlie")) == "4403"


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        ("SET revoked_at = '2020-01-01 00:00:00'", "SET revoked_at = NULL"),
        ("SET expires_at = '2020-01-01 00:00:00'", "SET expires_at = NULL"),
    ],
)
async def test_a_revoked_or_expired_key_opens_nothing(alice: Client, server, change, undo):
    row = key_row(server, "alice")
    execute(server, f"UPDATE chat_apikey {change} WHERE id = ?", row)
    refused = await alice.get("/conversations")
    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert await socket_outcome(server, alice.headers) == "4401"
    execute(server, f"UPDATE chat_apikey {undo} WHERE id = ?", row)
    assert (await alice.get("/conversations")).status == 200


async def test_the_key_of_a_person_who_left_opens_nothing(alice: Client, server):
    execute(server, "UPDATE auth_user SET is_active = ? WHERE username = 'alice'", False)
    assert (await alice.get("/conversations")).status == 401
    execute(server, "UPDATE auth_user SET is_active = ? WHERE username = 'alice'", True)


async def test_a_key_shows_when_it_was_last_used_and_is_stored_hashed(alice: Client, server):
    await alice.get("/conversations")
    ((used, digest),) = select(
        server, "SELECT last_used_at, digest FROM chat_apikey WHERE id = ?", key_row(server, "alice")
    )
    assert used is not None
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert digest not in alice.headers["Authorization"]


async def test_pages_of_an_allowed_origin_may_use_a_key_and_others_may_not(alice: Client, server):
    preflight = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,last-event-id",
    }
    allowed = await alice.bearing().send("OPTIONS", "/chat/stream", headers=preflight)
    assert allowed.headers["Access-Control-Allow-Origin"] == FRIEND
    answer = await alice.ask("say:Hello", headers={"Origin": FRIEND})
    assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
    assert "x-run-id" in answer.headers["Access-Control-Expose-Headers"]
    too_large = await alice.ask("x" * 4 * 1024 * 1024, headers={"Origin": FRIEND})
    assert (too_large.status, too_large.headers["Access-Control-Allow-Origin"]) == (413, FRIEND)
    other = await alice.ask("say:Hello", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    assert await socket_outcome(server, {**alice.headers, "Origin": FRIEND}) == "open"
    assert await socket_outcome(server, {**alice.headers, "Origin": "https://evil.example"}) == "4403"


async def test_a_session_may_read_and_with_its_token_write(server, session):
    visitor = await signed_in(server, session, "visitor")
    assert (await visitor.get("/conversations")).status == 200
    assert (await visitor.ask("say:Hello")).status == 200
    assert (await visitor.get("/")).status == 200
    for path in ("/chat", "/chat/stream"):
        refused = await visitor.bearing(Cookie=visitor.headers["Cookie"]).post(path, {"message": "say:Hi"})
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "X-CSRFToken" in refused.error["message"]
    wrong = {"X-CSRFToken": "x" * 32}
    assert (await visitor.ask("say:Hi", headers=wrong)).status == 403
    assert (await visitor.ask("say:Hi", headers={"Origin": "https://evil.example"})).status == 403
    for origin, status in ((FRIEND, 403), ("https://evil.example", 403), ("null", 403), (server.url, 200)):
        assert (await visitor.get("/conversations", headers={"Origin": origin})).status == status, origin


async def test_the_rights_of_a_session_are_those_of_its_person(server, session):
    visitor, admin = await signed_in(server, session, "visitor"), await signed_in(server, session, "admin")
    assert (await visitor.post("/agents/by_visitor", {})).status == 403
    assert (await admin.post("/agents/by_admin", {})).status == 201
    assert (await admin.get("/admin/")).status == 200
    assert (await visitor.get("/admin/")).status == 302


async def test_the_socket_of_a_session_needs_the_exact_origin(server, session):
    visitor = await signed_in(server, session, "visitor")
    cookies = without_token(visitor)
    own = f"http://127.0.0.1:{server.port}"
    assert await socket_outcome(server, {**cookies, "Origin": own}) == "open"
    for origin in (None, FRIEND, "https://evil.example", f"https://127.0.0.1:{server.port}", "http://127.0.0.1:1",
                   f"http://localhost:{server.port}", "null"):  # fmt: skip
        headers = cookies if origin is None else {**cookies, "Origin": origin}
        assert await socket_outcome(server, headers) in {"4403", "HTTP 400"}, origin


async def test_cookies_that_are_none_are_nobody(server, session):
    for value in ("sessionid=wrong", "sessionid=", "garbage", 'sessionid="\\', "=;=;", "sessionid=" + "x" * 4000):
        refused = await Client(server, session, {"Cookie": value}).get("/conversations")
        assert (refused.status, refused.code) == (401, "unauthenticated")
        assert await socket_outcome(server, {"Cookie": value}) == "4401"


async def test_signing_out_ends_the_session(server, session):
    visitor = await signed_in(server, session, "visitor")
    await sign_out(visitor)
    assert (await visitor.get("/conversations")).status == 401
