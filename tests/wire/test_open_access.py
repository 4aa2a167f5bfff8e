"""Open access: this machine's own programs and pages, and nobody else."""

from collections.abc import Mapping

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.product import Product
from tests.wire.client import Client
from tests.wire.profiles import on_sqlite

pytestmark = on_sqlite
FORWARDING = {
    "Forwarded": "for=203.0.113.9",
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Host": "chat.example.com",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
    "X-Real-IP": "203.0.113.9",
    "Via": "1.1 proxy",
    "X-Client-IP": "203.0.113.9",
    "True-Client-IP": "203.0.113.9",
    "CF-Connecting-IP": "203.0.113.9",
}
OWN_HOSTS = ("localhost", "127.0.0.1", "LOCALHOST", "chat.localhost", "[::1]", "localhost:9", "localhost.")
FOREIGN_HOSTS = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", "127.0.0.2",
                 "192.168.0.7", "[::2]", "xlocalhost", "2130706433", "")  # fmt: skip


async def socket_outcome(server: Product, headers: Mapping[str, str], host: str = "", query: str = "") -> str:
    """`open`, or the close code or HTTP status that a handshake with these headers leads to."""
    uri = f"ws://{host or server.authority}/ws{query}"
    try:
        async with connect(
            uri, host=server.address, port=server.port, additional_headers=headers, proxy=None, ping_interval=None
        ) as connection:
            await connection.send('{"type": "ping"}')
            await connection.recv()
            return "open"
    except ConnectionClosed as closed:
        return str(closed.rcvd and closed.rcvd.code)
    except InvalidStatus as refused:
        return f"HTTP {refused.response.status_code}"


async def test_a_program_on_this_machine_needs_no_credentials(nobody: Client, server):
    assert (await nobody.get("/conversations")).status == 200
    assert (await nobody.ask("say:Hello", reset_history=True)).status == 200
    assert (await nobody.get("/agents/default")).json["instructions"]
    assert await socket_outcome(server, {}) == "open"


@pytest.mark.parametrize("host", OWN_HOSTS)
async def test_every_name_of_this_machine_is_its_own(nobody: Client, server, host):
    assert (await nobody.get("/conversations", headers={"Host": host})).status == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_another_name_gets_nothing(nobody: Client, server, host):
    refused = await nobody.get("/conversations", headers={"Host": host})
    assert refused.status in {400, 401}
    if host and ":" not in host:
        assert await socket_outcome(server, {}, host=host) in {"4400", "4401", "HTTP 403", "HTTP 400"}


@pytest.mark.parametrize("header", FORWARDING)
@pytest.mark.parametrize("value", ["as it is", "empty"])
async def test_a_request_that_was_forwarded_needs_credentials(nobody: Client, server, header, value):
    headers = {header: FORWARDING[header] if value == "as it is" else ""}
    refused = await nobody.get("/conversations", headers=headers)
    assert (refused.status, refused.code) == (401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert "create_api_key" in refused.error["message"]
    assert await socket_outcome(server, headers) == "4401"


async def test_the_servers_own_pages_may(nobody: Client, server):
    for host in ("127.0.0.1", "localhost"):
        named = f"{host}:{server.port}"
        headers = {"Host": named, "Origin": f"http://{named}"}
        assert (await nobody.get("/conversations", headers=headers)).status == 200
    assert await socket_outcome(server, {"Origin": f"http://127.0.0.1:{server.port}"}) == "open"


@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://evil.example", "http://localhost", "http://127.0.0.1:1", "https://127.0.0.1:{port}",
     "http://localhost:{port}", "http://127.0.0.1:{port}.evil.example", "http://127.0.0.1:{port}@evil.example",
     "file://", "http://", "127.0.0.1:{port}", "http://[::1", "chrome-extension://abc", "http://127.0.0.1:99999999"],
)  # fmt: skip
async def test_pages_from_elsewhere_may_not(nobody: Client, server, origin):
    headers = {"Origin": origin.format(port=server.port)}
    for method, path in (("GET", "/conversations"), ("POST", "/chat"), ("POST", "/chat/stream")):
        refused = await nobody.send(method, path, {"message": "say:Hi"} if method == "POST" else None, headers=headers)
        assert (refused.status, refused.code) == (401, "unauthenticated")
        assert "Access-Control-Allow-Origin" not in refused.headers
    assert await socket_outcome(server, headers) in {"4401", "HTTP 403", "HTTP 400"}


async def test_a_preflight_from_elsewhere_is_not_allowed(nobody: Client):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "content-type"}  # fmt: skip
    answer = await nobody.send("OPTIONS", "/chat", headers=headers)
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_wrong_key_is_no_open_access(nobody: Client, server):
    key = server.keys["alice"]
    for value in ("Bearer wrong", "Bearer ", "Bearer", "", "Basic YTpi", "bearer a.b", "Bearer é.x", "Bearer a.b c",
                  f"Bearer {key[:-1]}", f"Bearer x{key[1:]}", f"Token {key}", "Bearer " + "x" * 5000):  # fmt: skip
        refused = await nobody.get("/conversations", headers={"Authorization": value})
        assert (refused.status, refused.code) == (401, "unauthenticated"), value
        assert await socket_outcome(server, {"Authorization": value}) == "4401", value
