"""A person says what became of a call whose outcome is unknown. How a crash leads to one is told in tests/faults."""

import asyncio
from functools import partial

import pytest

from tests.wire.client import Answer, Client, eventually
from tests.wire.profiles import on_sqlite
from tests.wire.rows import execute, key, select
from tests.wire.scripts import calls, says, turns
from tests.wire.test_strangers import UNKNOWN

CALL = "functions/pay:0"  # ids are the provider's own text


@pytest.fixture
async def lost(alice: Client, server, trace) -> str:
    """A run of alice's whose call is as a crash would leave it."""
    await alice.post("/agents/payer", {"tools": ["pay"]})
    asking = calls(("pay", {"seconds": 0}))
    asking[0]["id"] = CALL
    run_id = str((await alice.ask(turns(asking, says("Paid?")), agent_name="payer")).json["run_id"])
    execute(
        server,
        "UPDATE chat_toolcall SET status = 'outcome_unknown', content = 'Who knows', error = 'Who knows',"
        " result = NULL WHERE run_id = ?",
        key(server, run_id),
    )
    return run_id


async def decide(person: Client, run_id: str, decision: object, call_id: str = CALL) -> Answer:
    return await person.post(f"/runs/{run_id}/tool_calls/{call_id}/decision", {"decision": decision})


async def call_of(person: Client, run_id: str) -> dict:
    (call,) = (await person.get(f"/runs/{run_id}")).json["tool_calls"]
    return dict(call)


@pytest.mark.parametrize(("decision", "status"), [("happened", "completed"), ("not_happened", "failed")])
async def test_what_a_person_knows_is_kept_and_told_to_the_model(alice: Client, lost, asked, decision, status):
    journal = await alice.events(lost)
    answer = await decide(alice, lost, decision)
    assert (answer.status, answer.json["status"], answer.json["decision"]) == (200, status, decision)
    assert answer.json == await call_of(alice, lost)
    assert answer.json["decided_at"] is not None
    assert await alice.events(lost) == journal, "the terminal event stays the last one"
    message = f"say:And now {lost}?"
    await alice.ask(message, agent_name="payer")
    (request,) = asked(message)
    (read,) = [told["content"] for told in request if told["role"] == "tool"]
    assert "A person has confirmed" in str(read)


async def test_a_call_runs_again_under_the_same_key(alice: Client, lost, asked, trace):
    answer = await decide(alice, lost, "run_again")
    assert (answer.status, answer.json["decision"]) == (200, "run_again")

    async def is_done() -> bool:
        return (await call_of(alice, lost))["status"] == "completed"

    await eventually(is_done)
    call = await call_of(alice, lost)
    assert (call["result"], call["error"], call["decision"]) == ("paid", None, "run_again")
    assert trace.read_text().splitlines() == [f"{lost}:{CALL}"] * 2
    assert (await decide(alice, lost, "run_again")).json == call, "the same decision changes nothing"
    message = f"say:And now {lost}?"
    await alice.ask(message, agent_name="payer")
    assert [told["content"] for told in asked(message)[0] if told["role"] == "tool"] == ["paid"]
    assert len(trace.read_text().splitlines()) == 2


async def test_of_many_decisions_at_once_one_counts(alice: Client, lost, trace):
    wanted = ["happened", "not_happened", "run_again"] * 4
    answers = await asyncio.gather(*map(partial(decide, alice, lost), wanted))
    (decided,) = {answer.json["decision"] for answer in answers if answer.status == 200}
    for asked_for, answer in zip(wanted, answers, strict=True):
        assert answer.status == (200 if asked_for == decided else 409)
    refused = next(answer for answer in answers if answer.status == 409)
    assert (refused.code, refused.error["details"]["decision"]) == ("invalid_request", decided)

    async def is_settled() -> bool:
        return (await call_of(alice, lost))["status"] in {"completed", "failed"}

    await eventually(is_settled)
    assert len(trace.read_text().splitlines()) == (2 if decided == "run_again" else 1)


async def test_the_audit_log_says_who_decided(server, alice: Client, bob: Client, lost):
    await decide(bob, lost, "happened")
    await decide(alice, lost, "not_happened")
    await decide(alice, lost, "happened")
    (entry,) = select(
        server,
        "SELECT via, key_prefix FROM chat_auditentry WHERE action = 'tool_call_decided' AND object_id ="
        " (SELECT CAST(id AS TEXT) FROM chat_toolcall WHERE run_id = ?)",
        key(server, lost),
    )
    prefix = alice.headers["Authorization"].removeprefix("Bearer ").partition(".")[0]
    assert entry == ("key", prefix)


async def test_strangers_decide_nothing_and_learn_nothing(alice: Client, bob: Client, charlie: Client, nobody, lost):
    for stranger in (bob, charlie):
        hers = await decide(stranger, lost, "happened")
        unknown = await decide(stranger, UNKNOWN, "happened")
        assert (hers.status, hers.code) == (404, "not_found")
        assert hers.without_request_id() == unknown.without_request_id()
    assert (await decide(alice, lost, "happened", call_id="c9")).status == 404
    assert (await decide(alice, lost, "happened", call_id="c0%00")).status == 404
    assert (await decide(nobody.bearing(Authorization="Bearer no.key"), lost, "happened")).status == 401
    assert (await call_of(alice, lost))["status"] == "outcome_unknown"


@on_sqlite
@pytest.mark.parametrize(
    "body", [{}, {"decision": "perhaps"}, {"decision": None}, {"decision": ["happened"]}, [], "happened",
             {"decision": "happened", "note": "sure"}]
)  # fmt: skip
async def test_a_decision_that_is_none_is_refused(alice: Client, lost, body):
    answer = await alice.post(f"/runs/{lost}/tool_calls/{CALL}/decision", body)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert (await call_of(alice, lost))["decision"] is None


@on_sqlite
async def test_a_key_without_the_scope_may_not_decide(server, alice: Client, lost):
    narrow = alice.bearing(Authorization=f"Bearer {server.create_api_key('narrow', 'agents')}")
    assert (await decide(narrow, lost, "happened")).status == 403


async def test_while_the_run_is_active_a_decision_is_refused(alice: Client, trace):
    await alice.post("/agents/payer", {"tools": ["pay"]})
    message = turns(calls(("pay", {"seconds": 0})), [{"text": "Now "}, {"delay": 1.5}, *says("I rest.")])
    async with alice.stream(message, agent_name="payer") as stream:
        await stream.until("tool_call_complete")
        refused = await decide(alice, stream.run_id, "happened", call_id="c0")
        assert (refused.status, refused.code) == (409, "conversation_busy")
        assert refused.error["details"]["run_id"] == stream.run_id
    await alice.post(f"/runs/{stream.run_id}/cancel")
    refused = await decide(alice, stream.run_id, "happened", call_id="c0")
    assert (refused.status, refused.code) == (409, "invalid_request")
    assert "nothing to decide" in refused.error["message"]
