"""One answer at a time in a conversation, and a key for messages that may be sent twice."""

import asyncio

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_postgres, on_sqlite
from tests.wire.rows import counts
from tests.wire.scripts import uses


async def test_a_second_message_is_refused_while_the_agent_answers(alice: Client, server):
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
        before = counts(server)
        refused = await alice.ask("say:Hello")
        assert (refused.status, refused.code) == (409, "conversation_busy")
        assert refused.error["details"] == {"run_id": stream.run_id, "conversation_id": stream.conversation_id}
        assert counts(server) == before
        async with alice.socket() as socket:
            (frame,) = await socket.chat("say:Hello")
        assert frame["data"]["error_code"] == "conversation_busy"
        assert frame["data"]["details"]["run_id"] == stream.run_id
    await alice.post(f"/runs/{stream.run_id}/cancel")
    assert (await alice.ask("say:Hello")).status == 200


async def test_other_conversations_are_free_meanwhile(alice: Client):
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
        assert (await alice.ask("say:Hello", reset_history=True)).status == 200
    await alice.post(f"/runs/{stream.run_id}/cancel")


async def test_of_many_messages_at_once_one_is_answered(alice: Client):
    answers = await asyncio.gather(*(alice.ask("stall:1") for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [409] * 5 + [504]


async def test_the_same_key_and_body_name_the_same_run(alice: Client, server):
    key = {"Idempotency-Key": "one"}
    first = await alice.ask("say:Once", headers=key)
    before = counts(server)
    again = await alice.ask("say:Once", headers=key)
    assert again.json == first.json
    assert counts(server) == before


async def test_the_same_key_attaches_a_stream_to_the_running_answer(alice: Client):
    key = {"Idempotency-Key": "two"}
    async with alice.stream("paced:30:10", headers=key) as first:
        await first.until("chat_chunk")
        async with alice.stream("paced:30:10", headers=key) as second:
            told = await second.rest()
        assert second.run_id == first.run_id
        assert [frame.seq for frame in told] == list(range(1, len(told) + 1))
        assert told[-1].data == (await first.rest())[-1].data


async def test_the_same_key_with_another_body_is_refused(alice: Client, server):
    key = {"Idempotency-Key": "three"}
    first = await alice.ask("say:Once", headers=key)
    before = counts(server)
    for path in ("/chat", "/chat/stream"):
        refused = await alice.post(path, {"message": "say:Twice"}, headers=key)
        assert (refused.status, refused.code) == (422, "idempotency_mismatch")
        assert refused.error["details"]["run_id"] == first.json["run_id"]
    assert counts(server) == before


async def test_the_order_of_fields_is_no_other_body(alice: Client):
    key = {"Idempotency-Key": "four"}
    first = await alice.post("/chat", b'{"message": "say:Once", "parallel_tools": true}', headers=key)
    again = await alice.post("/chat", b'{"parallel_tools":true,"message":"say:Once"}', headers=key)
    assert again.json["run_id"] == first.json["run_id"]


async def test_a_key_is_one_callers_own(alice: Client, bob: Client):
    key = {"Idempotency-Key": "five"}
    first = await alice.ask("say:Once", headers=key)
    second = await bob.ask("say:Once", headers=key)
    assert first.json["run_id"] != second.json["run_id"]


@pytest.mark.parametrize("path", ["/chat", "/chat/stream"])
async def test_many_posts_with_one_key_at_the_same_moment_give_one_run(alice: Client, server, path):
    key = {"Idempotency-Key": "storm"}
    before = counts(server)["chat_run"]
    body = {"message": uses(("calculate", {"expression": "1"}))}
    answers = await asyncio.gather(*(alice.post(path, body, headers=key) for _ in range(12)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.headers["X-Run-Id"] for answer in answers}) == 1
    assert counts(server)["chat_run"] == before + 1


@on_postgres
async def test_one_key_gives_one_run_on_two_processes(alice: Client, server, other):
    key = {"Idempotency-Key": "cluster"}
    before = counts(server)["chat_run"]
    clients = [alice, alice.at(other)] * 5
    answers = await asyncio.gather(*(client.ask("paced:10:5", headers=key) for client in clients))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["run_id"] for answer in answers}) == 1
    assert counts(server)["chat_run"] == before + 1


@on_postgres
async def test_one_conversation_has_one_run_on_two_processes(alice: Client, other):
    await alice.ask("say:Hello")
    clients = [alice, alice.at(other)] * 4
    answers = await asyncio.gather(*(client.ask("stall:1") for client in clients))
    assert sorted(answer.status for answer in answers) == [409] * 7 + [504]


@on_sqlite
async def test_the_first_messages_at_the_same_moment_share_one_conversation(alice: Client):
    await asyncio.gather(*(alice.ask("say:Hello") for _ in range(5)))
    assert len((await alice.get("/conversations")).json["results"]) == 1


@on_sqlite
@pytest.mark.parametrize("key", ["k" * 256, "k" * 300, "tab\there", "Schlüssel", "ключ"])
async def test_a_key_that_cannot_be_kept_is_refused(alice: Client, server, key):
    before = counts(server)
    refused = await alice.ask("say:Hello", headers={"Idempotency-Key": key})
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert "Idempotency-Key" in refused.error["message"]
    assert counts(server) == before


async def test_a_long_key_of_odd_characters_is_a_key(alice: Client):
    key = {"Idempotency-Key": "~!@#$%^&*() " + "k" * 240}
    first = await alice.ask("say:Hello", headers=key)
    assert first.status == 200
    assert (await alice.ask("say:Hello", headers=key)).json["run_id"] == first.json["run_id"]
