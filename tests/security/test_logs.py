"""Log lines of a production server: JSON, each with its request, caller and run, none with what people write."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from tests.processes import wait_until
from tests.product import Product, Products
from tests.wire.client import Client
from tests.wire.conftest import session
from tests.wire.rows import execute, select

__all__ = ["session"]
WORDS = "pineapple-under-the-sea"
ASKED_AS = "asked-by-the-test-1"


@pytest.fixture(scope="module")
def server(products: Products, provider: str) -> Iterator[Product]:
    server = products.launch(
        PRODUCTION=1,
        ALLOWED_HOSTS="127.0.0.1",
        LOG_LEVEL="DEBUG",
        OPENAI_BASE_URL=provider,
        MODEL_MAX_RETRIES=0,
        TOOL_MODULES="tests.wire.tools",
        TRACE_FILE="/dev/null",
    )
    server.manage("migrate", "--verbosity", "0")
    server.wait_until_ready()
    yield server
    assert server.stop() == 0
    assert WORDS not in server.log


@pytest.fixture
def alice(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, {**server.bearer("alice"), "X-Request-Id": ASKED_AS})


def lines(server: Product, **said: Any) -> list[dict[str, Any]]:
    """The log's lines of which this is true. A line that is not JSON fails here."""
    told = [json.loads(line) for line in server.log.splitlines()]
    return [line for line in told if said.items() <= line.items()]


def wait_for(server: Product, **said: Any) -> dict[str, Any]:
    wait_until(lambda: bool(lines(server, **said)), seconds=20, otherwise=lambda: f"no line {said}:\n{server.log}")
    return lines(server, **said)[0]


def test_every_line_is_json_with_a_time_a_level_and_a_name(server: Product):
    told = lines(server)
    assert any("/docs" in line["event"] for line in told)
    for line in told:
        assert {"timestamp", "level", "logger", "event"} <= line.keys()


async def test_lines_of_a_run_say_who_asked_in_which_request_and_which_run_it_is(server: Product, alice: Client):
    answer = await alice.ask("status:500", headers={"X-Request-Id": "of-a-run"})
    assert answer.code == "model_error" or answer.status >= 500
    line = wait_for(server, request_id="of-a-run", logger="agents.llm.openai")
    assert line["caller"] == "alice"
    assert select(server, "SELECT count(*) FROM chat_run WHERE id = ?", line["run_id"].replace("-", "")) == [(1,)]


async def test_lines_of_a_tool_say_so_too(server: Product, alice: Client):
    assert (await alice.post("/agents/breaker", {"tools": ["explode"]})).status in (201, 409)
    calls = {"tool_calls": [{"index": 0, "id": "c0", "function": {"name": "explode", "arguments": "{}"}}]}
    script = {"turns": [[calls, {"finish": "tool_calls"}, {"done": True}], [{"text": [WORDS]}, {"done": True}]]}
    frames = await alice.tell(json.dumps(script), agent_name="breaker", reset_history=True)
    assert "tool_call_error" in [frame.type for frame in frames]
    line = wait_for(server, logger="tools.execution")
    assert (line["request_id"], line["caller"]) == (ASKED_AS, "alice")
    assert line["run_id"] == frames[0].event["run_id"]
    assert "ZeroDivisionError" in line["exception"]


async def test_lines_of_a_socket_say_so_too_and_its_handshake_is_answered_with_the_id(server: Product):
    headers = {**server.bearer("bob"), "X-Request-Id": "of-a-socket"}
    async with connect(server.websocket_url, additional_headers=headers, proxy=None) as socket:
        assert socket.response.headers["X-Request-Id"] == "of-a-socket"
        await socket.send(json.dumps({"type": "chat", "data": {"message": "status:500"}}))
        while json.loads(await socket.recv())["type"] not in ("chat_complete", "error"):
            pass
    line = wait_for(server, request_id="of-a-socket", logger="agents.llm.openai")
    assert (line["caller"], "run_id" in line) == ("bob", True)
    async with connect(server.websocket_url, additional_headers=server.bearer("bob"), proxy=None) as socket:
        assert len(socket.response.headers["X-Request-Id"]) == 32


async def test_a_request_that_breaks_is_told_with_its_traceback_and_its_id(server: Product, session):
    execute(
        server,
        "UPDATE chat_apikey SET scopes = ? WHERE user_id = (SELECT id FROM auth_user WHERE username = 'charlie')",
        "5",
    )
    broken = await Client(server, session, server.bearer("charlie")).get("/conversations")
    assert (broken.status, broken.code) == (500, "internal_error")
    line = wait_for(server, request_id=broken.headers["X-Request-Id"])
    assert broken.error["request_id"] == line["request_id"]
    assert line["level"] == "error"
    assert "TypeError" in line["exception"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/conversations", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/runs/nothing", 404),
        ("POST", "/chat", 415),
        ("PUT", "/chat", 405),
        ("GET", "/static/chat/layout.css", 200),
        ("GET", "/static/nothing.css", 404),
        ("GET", "/accounts/login/", 200),
        ("GET", "/admin/", 302),
        ("OPTIONS", "/chat", None),
    ],
)
async def test_every_answer_carries_the_id_of_its_request(alice: Client, method: str, path: str, status: int | None):
    answer = await alice.send(method, path)
    assert status in (None, answer.status)
    assert answer.headers["X-Request-Id"] == ASKED_AS
    if answer.status >= 400 and answer.headers["Content-Type"] == "application/json":
        assert answer.error["request_id"] == ASKED_AS


async def test_streams_and_bodies_that_are_too_large_carry_it_too(alice: Client):
    async with alice.stream(f"say:{WORDS}") as stream:
        assert stream.headers["X-Request-Id"] == ASKED_AS
        await stream.rest()
    refused = await alice.post("/chat", b"x" * 3_000_000)
    assert (refused.status, refused.headers["X-Request-Id"]) == (413, ASKED_AS)


@pytest.mark.parametrize("given", ["", "with space", "x" * 65, "<script>", "line%0afeed"])
async def test_an_id_that_is_not_well_formed_is_replaced(alice: Client, given: str):
    answer = await alice.get("/health", headers={"X-Request-Id": given})
    assert len(answer.headers["X-Request-Id"]) == 32


async def test_a_request_that_breaks_off_leaves_no_id_behind(server: Product, alice: Client):
    """The lines of nobody's work, such as the start and the stop, name no request, caller or run."""
    await asyncio.gather(*(alice.get("/health") for _ in range(5)))
    for line in lines(server, logger="chat.management.commands.serve"):
        assert not {"request_id", "caller", "run_id"} & line.keys()


async def test_in_development_lines_are_for_people(products: Products, provider: str, session):
    server = products.serve(OPENAI_BASE_URL=provider, MODEL_MAX_RETRIES=0)
    await Client(server, session, {**server.bearer("alice"), "X-Request-Id": ASKED_AS}).ask("status:500")
    line = next(line for line in server.log.splitlines() if "answered HTTP 500" in line)
    assert not line.startswith("{")
    assert f"request_id={ASKED_AS}" in line
    assert "caller=alice" in line
