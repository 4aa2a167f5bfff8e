"""Conversations over REST: listing, searching, renaming, deleting."""

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.rows import key, select
from tests.wire.scripts import calls, says, turns


async def begin(alice: Client, message: str = "say:Hello") -> str:
    return str((await alice.ask(message, reset_history=True)).json["conversation_id"])


async def listed(alice: Client, query: str = "") -> list[str]:
    return [row["id"] for row in (await alice.get(f"/conversations{query}")).json["results"]]


async def test_a_conversation_is_named_after_its_first_message(alice: Client):
    conversation = await begin(alice, "say:Good   morning\n to you")
    told = (await alice.get(f"/conversations/{conversation}")).json
    assert told["title"] == "say:Good morning to you"
    assert set(told) == {"id", "title", "agent_name", "is_current", "active_run_id", "created_at", "updated_at"}
    assert (told["id"], told["agent_name"], told["is_current"]) == (conversation, "default", True)


async def test_a_long_first_message_is_cut_at_a_word(alice: Client):
    conversation = await begin(alice, "say:" + "word " * 40)
    title = (await alice.get(f"/conversations/{conversation}")).json["title"]
    assert title.endswith("word…")
    assert len(title) <= 61


async def test_the_latest_conversation_is_listed_first(alice: Client):
    first, second = await begin(alice), await begin(alice)
    assert await listed(alice) == [second, first]
    await alice.ask("say:Again", conversation_id=first)
    assert await listed(alice) == [first, second]


async def test_pages_of_conversations_hold_each_one_once(alice: Client):
    made = [await begin(alice, f"say:Number {number}") for number in range(7)]
    seen, cursor = [], ""
    while cursor is not None:
        page = (await alice.get(f"/conversations?limit=3&cursor={cursor}" if cursor else "/conversations?limit=3")).json
        assert list(page) == ["results", "next"]
        seen += [row["id"] for row in page["results"]]
        cursor = page["next"]
    assert seen == made[::-1]


async def test_a_list_names_the_active_run(alice: Client):
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
        (row,) = (await alice.get("/conversations")).json["results"]
        one = (await alice.get(f"/conversations/{row['id']}")).json
        assert row["active_run_id"] == one["active_run_id"] == stream.run_id
    await alice.post(f"/runs/{stream.run_id}/cancel")
    (row,) = (await alice.get("/conversations")).json["results"]
    assert row["active_run_id"] is None


async def test_a_search_finds_titles_and_messages_whatever_their_case(alice: Client):
    apples = await begin(alice, "say:Apples are red")
    pears = await begin(alice, "say:Pears are green")
    await alice.ask("say:and APPLES too", conversation_id=pears)
    await begin(alice, "say:100% _plain_ text")
    assert set(await listed(alice, "?search=apples")) == {apples, pears}
    assert await listed(alice, "?search=PEARS") == [pears]
    assert len(await listed(alice, "?search=100%25")) == 1
    assert len(await listed(alice, "?search=_plain_")) == 1
    assert await listed(alice, "?search=bananas") == []
    assert len(await listed(alice, "?search=%20%20")) == 3


async def test_messages_come_from_the_first_to_the_last_with_their_parts(alice: Client):
    message = turns(calls(("calculate", {"expression": "6*7"}), text="Let me see."), says("It is 42."))
    told = (await alice.ask(message)).json
    question, answer = (await alice.get(f"/conversations/{told['conversation_id']}/messages")).json["results"]
    assert (question["role"], question["content"], question["parent_id"], question["run"]) == (
        "user",
        message,
        None,
        None,
    )
    assert question["parts"] == [{"type": "text", "text": message}]
    assert (answer["role"], answer["parent_id"]) == ("assistant", question["id"])
    assert answer["content"] == told["response"]
    assert [part["type"] for part in answer["parts"]] == ["text", "tool_calls", "text"]
    assert answer["parts"][1]["tool_calls"] == told["tool_calls"]
    assert answer["run"]["id"] == told["run_id"]


async def test_pages_of_messages_lead_to_the_last(alice: Client):
    conversation = await begin(alice)
    for number in range(3):
        await alice.ask(f"say:{number}", conversation_id=conversation)
    where = f"/conversations/{conversation}/messages"
    first = (await alice.get(f"{where}?limit=5")).json
    second = (await alice.get(f"{where}?limit=5&cursor={first['next']}")).json
    assert (len(first["results"]), len(second["results"]), second["next"]) == (5, 3, None)
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == sorted(set(ids))


async def test_a_conversation_is_renamed(alice: Client):
    conversation = await begin(alice)
    changed = await alice.send("PATCH", f"/conversations/{conversation}", {"title": "  Fruit – 🍎  "})
    assert (changed.status, changed.json["title"]) == (200, "Fruit – 🍎")
    assert (await alice.get(f"/conversations/{conversation}")).json == changed.json


@on_sqlite
@pytest.mark.parametrize(
    "body", [{}, {"title": 5}, {"title": True}, {"title": ""}, {"title": "   "}, {"title": "x" * 201}, {"title": None},
             {"title": ["a"]}, {"title": "ok", "owner": 1}, {"name": "x"}, [], "x", 1, None, {"title": "a\x00b"}],
)  # fmt: skip
async def test_a_name_that_cannot_be_used_is_refused_and_nothing_changes(alice: Client, body):
    conversation = await begin(alice)
    before = (await alice.get(f"/conversations/{conversation}")).json
    refused = await alice.send("PATCH", f"/conversations/{conversation}", body if body is not None else b"null")
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert (await alice.get(f"/conversations/{conversation}")).json == before


async def test_a_conversation_is_deleted_with_all_that_belongs_to_it(alice: Client, server):
    told = (await alice.ask(turns(calls(("calculate", {"expression": "1"})), says("One.")))).json
    conversation = told["conversation_id"]
    deleted = await alice.send("DELETE", f"/conversations/{conversation}")
    assert (deleted.status, deleted.body) == (204, b"")
    for path in (
        f"/conversations/{conversation}",
        f"/conversations/{conversation}/messages",
        f"/runs/{told['run_id']}",
    ):
        assert (await alice.get(path)).status == 404
    assert (await alice.send("DELETE", f"/conversations/{conversation}")).status == 404
    for table in ("chat_message", "chat_run"):
        query = f"SELECT count(*) FROM {table} WHERE conversation_id = ?"  # noqa: S608 - our names
        assert select(server, query, key(server, conversation)) == [(0,)]
    query = "SELECT count(*) FROM chat_runevent WHERE run_id = ?"
    assert select(server, query, key(server, told["run_id"])) == [(0,)]


async def test_deleting_a_conversation_stops_its_answer_first(alice: Client):
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
        deleted = await alice.send("DELETE", f"/conversations/{stream.conversation_id}")
        assert deleted.status == 204
        assert (await stream.rest())[-1].type == "chat_cancelled"
    fresh = (await alice.ask("say:Next")).json
    assert fresh["conversation_id"] != stream.conversation_id


async def test_after_a_deletion_the_next_message_begins_anew(alice: Client):
    conversation = await begin(alice)
    await alice.send("DELETE", f"/conversations/{conversation}")
    assert (await alice.ask("say:Hello")).json["conversation_id"] != conversation
