"""Which conversation a message goes to, and what the model is told of it."""

import json

from tests.wire.client import Client
from tests.wire.scripts import calls, says, script, turns, uses


async def test_messages_go_to_the_current_conversation(alice: Client, asked):
    first = (await alice.ask("say:One")).json
    second = (await alice.ask(script(*says("Two"), {"raw": f": {first['run_id']}\n\n"}))).json
    assert first["conversation_id"] == second["conversation_id"]
    (messages,) = asked(script(*says("Two"), {"raw": f": {first['run_id']}\n\n"}))
    assert [(message["role"], message["content"]) for message in messages[:3]] == [
        ("system", "You are a helpful assistant."),
        ("user", "say:One"),
        ("assistant", "One"),
    ]


async def test_each_agent_has_its_own_current_conversation(alice: Client):
    await alice.post("/agents/second", {})
    with_default = (await alice.ask("say:Hello")).json
    with_second = (await alice.ask("say:Hello", agent_name="second")).json
    assert with_default["conversation_id"] != with_second["conversation_id"]
    assert (await alice.ask("say:Hello")).json["conversation_id"] == with_default["conversation_id"]


async def test_a_reset_begins_a_new_conversation_and_keeps_the_old_one(alice: Client):
    old = (await alice.ask("say:Hello")).json["conversation_id"]
    new = (await alice.ask("say:Hello", reset_history=True)).json["conversation_id"]
    later = (await alice.ask("say:Hello")).json["conversation_id"]
    assert new == later != old
    listed = {row["id"]: row["is_current"] for row in (await alice.get("/conversations")).json["results"]}
    assert listed == {old: False, new: True}


async def test_a_message_can_name_an_older_conversation(alice: Client):
    old = (await alice.ask("say:Hello")).json["conversation_id"]
    new = (await alice.ask("say:Hello", reset_history=True)).json["conversation_id"]
    assert (await alice.ask("say:Back", conversation_id=old)).json["conversation_id"] == old
    assert (await alice.ask("say:Hello")).json["conversation_id"] == new


async def test_a_named_conversation_keeps_its_agent(alice: Client):
    await alice.post("/agents/second", {})
    told = (await alice.ask("say:Hello", agent_name="second")).json
    again = (await alice.ask("say:Hello", conversation_id=told["conversation_id"])).json
    assert again["agent_name"] == "second"


async def test_a_reset_in_a_named_conversation_begins_one_with_its_agent(alice: Client):
    await alice.post("/agents/second", {})
    told = (await alice.ask("say:Hello", agent_name="second")).json
    fresh = (await alice.ask("say:Hello", conversation_id=told["conversation_id"], reset_history=True)).json
    assert fresh["agent_name"] == "second"
    assert fresh["conversation_id"] != told["conversation_id"]


async def test_instructions_replace_the_agents_for_one_run(alice: Client, asked):
    message = script(*says("Arr."), {"raw": ": pirate\n\n"})
    await alice.ask(message, instructions="Speak like a pirate.", reset_history=True)
    await alice.ask(message)
    await alice.ask(message, instructions="")
    systems = [[m["content"] for m in messages if m["role"] == "system"] for messages in asked(message)][-3:]
    assert systems == [["Speak like a pirate."], ["You are a helpful assistant."], systems[2]]
    assert systems[2] in ([], [""])


async def test_an_agent_takes_instructions_from_requests_only_where_it_says_so(alice: Client):
    await alice.post("/agents/strict", {})
    ask = {"agent_name": "strict", "instructions": "Speak like a pirate."}
    for path in ("/chat", "/chat/stream"):
        refused = await alice.post(path, {"message": "say:Arr", **ask})
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "allow_instructions" in refused.error["message"]
    async with alice.socket() as socket:
        await socket.send("chat", {"message": "say:Arr", **ask})
        assert (await socket.receive())["data"]["error_code"] == "forbidden"
    assert (await alice.get("/conversations")).json["results"] == []
    assert (await alice.send("PATCH", "/agents/strict", {"allow_instructions": True})).status == 200
    assert (await alice.ask("say:Arr", **ask)).status == 200


async def test_tool_calls_and_their_results_are_part_of_the_history(alice: Client, asked):
    await alice.ask(uses(("calculate", {"expression": "2+2"}), then="Four."))
    message = script(*says("Yes."), {"raw": ": after tools\n\n"})
    await alice.ask(message)
    messages = asked(message)[-1]
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert messages[2]["tool_calls"][0]["function"]["name"] == "calculate"
    assert messages[3]["tool_call_id"] == messages[2]["tool_calls"][0]["id"]
    assert json.loads(messages[3]["content"])["result"] == 4


async def test_a_failed_answer_leaves_a_history_that_providers_accept(alice: Client, asked):
    await alice.ask(turns(calls(("calculate", {"expression": "2+2"}), text="Let me see."), [{"status": 401}]))
    message = script(*says("Fine."), {"raw": ": after failure\n\n"})
    assert (await alice.ask(message)).json["response"] == "Fine."
    messages = asked(message)[-1]
    called = [call["id"] for m in messages for call in m.get("tool_calls") or ()]
    answered = [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert called == answered != []


async def test_an_unanswered_message_is_followed_by_a_note(alice: Client, asked):
    await alice.ask("status:401")
    message = script(*says("Fine."), {"raw": ": after nothing\n\n"})
    await alice.ask(message)
    assert [m["role"] for m in asked(message)[-1]] == ["system", "user", "assistant", "user"]
