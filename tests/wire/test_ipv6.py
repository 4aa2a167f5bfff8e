"""A server that listens on IPv6: this machine's own programs and pages are local there too, and nobody else is."""

from collections.abc import Iterator

import aiohttp
import pytest

from tests.product import Product, Products
from tests.wire.client import Client
from tests.wire.test_open_access import FORWARDING, socket_outcome


@pytest.fixture(scope="module", params=["::1", "::"])
def server(
    request: pytest.FixtureRequest, products: Products, settings_of_the_tests: dict[str, object]
) -> Iterator[Product]:
    before = len(products)
    yield products.serve(HOST=request.param, **settings_of_the_tests)
    products.end(since=before)


async def test_a_program_on_this_machine_needs_no_credentials(nobody: Client, server: Product):
    told = await nobody.ask("say:Hello")
    assert (told.status, told.json["response"]) == (200, "Hello")
    assert await socket_outcome(server, {}) == "open"


async def test_the_servers_own_pages_may_and_others_may_not(nobody: Client, server: Product):
    own = {"Origin": f"http://[::1]:{server.port}"}
    assert (await nobody.get("/conversations", headers=own)).status == 200
    assert await socket_outcome(server, own) == "open"
    for origin in (f"http://[::1]:{server.port + 1}", f"http://[::2]:{server.port}", f"http://127.0.0.1:{server.port}"):
        refused = await nobody.get("/conversations", headers={"Origin": origin})
        assert (refused.status, refused.code) == (401, "unauthenticated")
        assert await socket_outcome(server, {"Origin": origin}) == "4401"


async def test_what_is_forwarded_or_has_another_name_is_not_local(nobody: Client, server: Product):
    for headers in ({"Host": "evil.example"}, {"Host": "[::2]"}, *({name: FORWARDING[name]} for name in FORWARDING)):
        refused = await nobody.get("/conversations", headers=headers)
        assert refused.status in {400, 401}, headers


async def test_an_ipv4_client_is_local_where_the_server_listens_everywhere(server: Product, session):
    asking = session.get(f"http://127.0.0.1:{server.port}/conversations")
    if server.environment["HOST"] == "::1":
        with pytest.raises(aiohttp.ClientConnectorError):
            await asking
    else:
        async with asking as answer:
            assert answer.status == 200


async def test_the_start_prints_an_address_that_can_be_opened(nobody: Client, server: Product):
    name = "[::1]" if server.environment["HOST"] == "::1" else "localhost"
    assert f"Chat:   http://{name}:{server.port}/\n" in server.log
