"""Limits hold exactly, whoever asks at once and however many processes answer."""

import asyncio
import time
from collections import Counter

import aiohttp

from tests.product import Product, Profile, Serve
from tests.security.figures import record
from tests.security.sizes import SIZES
from tests.wire.client import Client, eventually
from tests.wire.rows import execute, select
from tests.wire.scripts import calls, turns

LIMIT = 10


def person(server: Product, session: aiohttp.ClientSession, name: str = "alice") -> Client:
    return Client(server, session, server.bearer(name))


async def start_cluster(serve: Serve, profile: Profile, count: int, **settings: object) -> list[Product]:
    first = serve(profile, **settings)
    others = [asyncio.to_thread(serve, beside=first, **settings) for _ in range(count - 1)]
    return [first, *await asyncio.gather(*others)]


async def test_of_many_requests_at_once_over_several_processes_exactly_the_limit_is_taken(serve, provider, session):
    servers = await start_cluster(
        serve, "postgres", SIZES.processes, OPENAI_BASE_URL=provider, RATE_LIMIT_MESSAGES=f"{LIMIT}/day"
    )
    everywhere = [person(server, session) for server in servers]
    began = time.monotonic()
    asked = (everywhere[number % len(everywhere)] for number in range(SIZES.requests_at_once))
    answers = await asyncio.gather(*(each.ask("say:Hello", reset_history=True) for each in asked))
    seconds = time.monotonic() - began
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {200: LIMIT, 429: SIZES.requests_at_once - LIMIT}
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in answers if answer.status == 200]
    assert sorted(left) == list(range(LIMIT))
    record(
        "The message rate is exact over processes",
        f"{SIZES.requests_at_once} requests at once at limit {LIMIT} over {len(servers)} processes:"
        f" {statuses[200]} taken, {statuses[429]} refused, in {seconds:.1f} s",
    )


async def test_of_many_runs_at_once_no_more_than_the_budget_has_start(serve, provider, session):
    servers = await start_cluster(serve, "postgres", SIZES.processes, OPENAI_BASE_URL=provider)
    statement = "INSERT INTO chat_budget (subject, period, tokens) VALUES ('everybody', 'month', ?)"
    execute(servers[0], statement, LIMIT * 1010)
    everyone = [person(server, session, name) for server in servers for name in ("alice", "bob", "charlie")]
    asked = [everyone[number % len(everyone)] for number in range(SIZES.requests_at_once)]
    answers = await asyncio.gather(*(each.ask("status:500", reset_history=True) for each in asked))
    codes = Counter(answer.code for answer in answers)
    assert set(codes) <= {"budget_exceeded", "model_unavailable", "model_error", "unavailable"}  # the last: too busy

    async def is_settled() -> bool:
        return select(servers[0], "SELECT reserved FROM chat_spending") == [(0,)]

    await eventually(is_settled, seconds=60)
    ((used,),) = select(servers[0], "SELECT used FROM chat_spending")
    ((told,),) = select(servers[0], "SELECT sum(input_tokens + output_tokens) FROM chat_run")
    assert used == told <= LIMIT * 1010
    record(
        "A budget is exact over processes",
        f"{len(asked)} requests of 3 people at once over {len(servers)} processes: {codes['budget_exceeded']} refused,"
        f" {used} of {LIMIT * 1010} tokens used, none left set aside",
    )


async def test_a_dead_process_gives_the_places_of_its_runs_back(serve, provider, session):
    settings = {"OPENAI_BASE_URL": provider, "MAX_CONCURRENT_RUNS": 2, "LEASE_SECONDS": 1}
    dying, staying = await start_cluster(serve, "postgres", 2, **settings)
    alice = person(dying, session)
    async with alice.stream("paced:20:50") as one, alice.stream("paced:20:50", reset_history=True) as two:
        await one.until("chat_chunk")
        await two.until("chat_chunk")
        await asyncio.to_thread(dying.kill)
    alice, killed = alice.at(staying), time.monotonic()
    assert (await alice.ask("say:Hello", reset_history=True)).code == "rate_limited"

    async def has_room() -> bool:
        return (await alice.ask("say:Hello", reset_history=True)).status == 200

    await eventually(has_room, seconds=60)
    record("Places of a dead process's runs come back", f"after {time.monotonic() - killed:.1f} s with a lease of 1 s")


async def test_a_model_without_end_is_stopped_by_the_limit_it_meets(serve, provider, session):
    server = serve(
        OPENAI_BASE_URL=provider, MAX_RUN_SECONDS=SIZES.endless_seconds, MAX_OUTPUT_CHARS=20_000, MAX_ROUNDS=2
    )
    alice = person(server, session)
    attacks = {
        f"arguments:{SIZES.argument_chars}": "MAX_TOOL_ARGUMENT_CHARS",
        f"calls:{SIZES.calls}": "MAX_TOOL_CALLS",
        "burst:20000": "MAX_OUTPUT_CHARS",
        "paced:2000:50": "MAX_RUN_SECONDS",
    }
    for message, name in attacks.items():
        answer = await alice.ask(message, reset_history=True)
        assert (answer.status, answer.code) == (422, "limit_exceeded"), message
        assert name in answer.error["message"]
    answer = await alice.ask(turns(calls(("calculate", {"expression": "1"}))), reset_history=True)
    assert answer.code == "tool_rounds_exceeded", answer.error
    assert (await alice.ask("say:Next", reset_history=True)).json["response"] == "Next"
    record(
        "A model without end is stopped by a named limit",
        f"{SIZES.argument_chars} characters of arguments, {SIZES.calls} calls in a turn, 20000 tokens,"
        f" a stream of {SIZES.endless_seconds} s, tools for ever: each by its own",
    )
