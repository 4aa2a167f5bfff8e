"""What one run and one caller may use: each limit ends with its own words, and the conversation goes on."""

import asyncio

import aiohttp
import pytest

from tests.product import Product, Products
from tests.wire.client import Client
from tests.wire.scripts import calls, says, turns, uses

LIMITS = {
    "MAX_MESSAGE_CHARS": 3000,
    "MAX_OUTPUT_CHARS": 2000,
    "MAX_TOOL_CALLS": 3,
    "MAX_TOOL_ARGUMENT_CHARS": 500,
    "MAX_TOOL_RESULT_CHARS": 400,
    "MAX_RUN_SECONDS": 1,
    "MAX_ROUNDS": 3,
    "MAX_CONCURRENT_RUNS": 2,
}


@pytest.fixture(scope="module")
def server(products: Products, settings_of_the_tests: dict[str, object]):
    """A server of its own with narrow limits."""
    server = products.launch(**{**settings_of_the_tests, **LIMITS})
    server.manage("migrate", "--verbosity", "0")  # takes note of the tests' tools
    server.wait_until_ready()
    yield server
    assert server.stop() == 0


@pytest.fixture
def alice(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("alice"))


@pytest.fixture
def bob(server: Product, session: aiohttp.ClientSession) -> Client:
    return Client(server, session, server.bearer("bob"))


async def assert_limit(alice: Client, message: str, name: str, *, text: str | None = None, **options) -> None:
    failed = await alice.ask(message, **options)
    assert (failed.status, failed.code) == (422, "limit_exceeded")
    assert name in failed.error["message"]
    conversation = failed.error["details"]["conversation_id"]
    answer = (await alice.get(f"/conversations/{conversation}/messages")).json["results"][-1]
    assert answer["run"]["error"]["code"] == "limit_exceeded"
    if text is not None:
        assert answer["content"].startswith(text)
    assert (await alice.ask("say:Next", conversation_id=conversation)).json["response"] == "Next"


async def test_an_answer_ends_at_its_longest(alice: Client):
    await assert_limit(alice, "paced:700:1", "MAX_OUTPUT_CHARS", text="t0 ")


async def test_a_run_ends_at_its_last_tool_call(alice: Client):
    one = ("calculate", {"expression": "1"})
    assert (await alice.ask(uses(one, one, one))).status == 200
    await assert_limit(alice, uses(one, one, one, one), "MAX_TOOL_CALLS")
    await assert_limit(alice, turns(calls(one, one), calls(one, one), says("no")), "MAX_TOOL_CALLS")


async def test_arguments_end_a_run_when_they_are_too_long(alice: Client):
    long = ("calculate", {"expression": "1+" * 300 + "1"})
    await assert_limit(alice, uses(long), "MAX_TOOL_ARGUMENT_CHARS")


@pytest.mark.parametrize(
    ("message", "name"), [("arguments:3000000", "MAX_TOOL_ARGUMENT_CHARS"), ("calls:1000", "MAX_TOOL_CALLS")]
)
async def test_calls_and_arguments_without_end_are_stopped_as_they_come_in(alice: Client, message, name):
    await assert_limit(alice, message, name)


async def test_a_result_that_is_too_long_is_cut_and_says_so(alice: Client):
    await alice.post("/agents/parrot", {"tools": ["repeat"]})
    answer = await alice.ask(uses(("repeat", {"text": "ab", "times": 1000})), agent_name="parrot")
    (call,) = answer.json["tool_calls"]
    assert len(call["result"]) == 400
    assert call["result"].startswith("abab")
    assert call["result"].endswith("[Cut: the result has 2,000 characters, more than the 400 allowed.]")


async def test_a_run_ends_when_its_time_is_over(alice: Client):
    await assert_limit(alice, "paced:400:20", "MAX_RUN_SECONDS", text="t0 ")
    await alice.post("/agents/slow", {"tools": ["wait"]})
    await assert_limit(alice, uses(("wait", {"seconds": 20})), "MAX_RUN_SECONDS", agent_name="slow")


async def test_a_run_ends_after_its_last_round(alice: Client):
    again = calls(("calculate", {"expression": "1"}))
    failed = await alice.ask(turns(again))
    assert (failed.status, failed.code) == (422, "tool_rounds_exceeded")
    assert "MAX_ROUNDS" in failed.error["message"]
    assert (await alice.ask("say:Next")).json["response"] == "Next"


async def test_an_agent_may_have_fewer_rounds(alice: Client):
    await alice.post("/agents/brief", {"max_rounds": 1})
    once = uses(("calculate", {"expression": "1"}))
    failed = await alice.ask(once, agent_name="brief")
    assert (failed.status, failed.code) == (422, "tool_rounds_exceeded")


async def test_a_message_ends_at_its_longest(alice: Client):
    assert (await alice.ask("x" * 3000)).status == 200
    refused = await alice.ask("x" * 3001)
    assert (refused.status, refused.code) == (413, "invalid_request")


async def test_a_caller_has_so_many_runs_at_once(alice: Client, bob: Client):
    async with alice.stream("paced:45:20") as first, alice.stream("paced:45:20", reset_history=True) as second:
        await first.until("chat_chunk")
        await second.until("chat_chunk")
        refused = await alice.ask("say:Third", reset_history=True)
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert "MAX_CONCURRENT_RUNS" in refused.error["message"]
        assert int(refused.headers["Retry-After"]) >= 1
        async with alice.socket() as socket:
            (frame,) = await socket.chat("say:Third", reset_history=True)
        assert (frame["data"]["error_code"], frame["data"]["retry_after"]) == ("rate_limited", 1)
        assert (await bob.ask("say:Mine")).status == 200
        await asyncio.gather(first.rest(), second.rest())
    assert (await alice.ask("say:Third", reset_history=True)).status == 200


async def test_a_reading_client_is_never_limited(alice: Client):
    answers = await asyncio.gather(*(alice.get("/conversations") for _ in range(60)))
    assert {answer.status for answer in answers} == {200}
