"""`/agents` and `/tools` through the server."""

import asyncio

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite

BUILTIN = {"calculate", "get_stock_price", "get_time", "get_weather", "search_web"}


async def test_an_agent_is_made_with_the_defaults_of_the_contract(alice: Client):
    made = await alice.post("/agents/plain", {})
    assert made.status == 201
    assert set(made.json) == {"message", "tools_count", "agent"}
    agent = made.json["agent"]
    assert (agent["agent_name"], agent["name"], agent["instructions"]) == (
        "plain",
        "Assistant",
        "You are a helpful assistant.",
    )
    assert (agent["max_parallel_tools"], agent["tool_call_timeout"], agent["model"]) == (5, 30.0, "scripted")
    assert set(agent["tools"]) == BUILTIN
    assert made.json["tools_count"] == 5
    await alice.send("DELETE", "/agents/plain")


async def test_the_example_of_the_original_creates_an_agent_that_answers(alice: Client):
    config = {
        "name": "MyAssistant",
        "instructions": "You are a specialized assistant for...",
        "model": "gpt-4-turbo-preview",
        "max_parallel_tools": 3,
        "tool_call_timeout": 30.0,
    }
    made = (await alice.post("/agents/my_custom_agent", config)).json["agent"]
    assert {name: made[name] for name in config} == config
    answer = (await alice.ask("say:Hello", agent_name="my_custom_agent")).json
    assert (answer["agent_name"], answer["model"]) == ("my_custom_agent", "gpt-4-turbo-preview")
    listed = (await alice.get("/agents")).json
    assert listed["count"] == len(listed["agents"]) == len(listed["results"])
    assert "my_custom_agent" in listed["agents"]
    await alice.send("DELETE", "/agents/my_custom_agent")


async def test_a_name_that_is_taken_is_never_overwritten(alice: Client):
    await alice.post("/agents/taken", {"name": "First"})
    refused = await alice.post("/agents/taken", {"name": "Second"})
    assert refused.status == 409
    assert (await alice.get("/agents/taken")).json["name"] == "First"
    await alice.send("DELETE", "/agents/taken")


async def test_of_many_that_create_one_name_at_once_one_wins(alice: Client):
    answers = await asyncio.gather(*(alice.post("/agents/race", {"name": f"N{number}"}) for number in range(6)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    await alice.send("DELETE", "/agents/race")


async def test_an_agent_is_changed_replaced_and_deleted(alice: Client):
    await alice.post("/agents/changing", {"name": "One", "model": "m1", "tools": ["calculate"]})
    changed = (await alice.send("PATCH", "/agents/changing", {"model": "m2"})).json
    assert (changed["name"], changed["model"], changed["tools"]) == ("One", "m2", ["calculate"])
    replaced = (await alice.send("PUT", "/agents/changing", {"name": "Two"})).json
    assert (replaced["name"], replaced["model"]) == ("Two", "scripted")
    assert (await alice.send("DELETE", "/agents/changing")).status == 204
    gone = await alice.get("/agents/changing")
    assert (gone.status, gone.code) == (404, "agent_not_found")


async def test_conversations_outlive_their_agent(alice: Client):
    await alice.post("/agents/leaving", {})
    told = (await alice.ask("say:Hello", agent_name="leaving")).json
    await alice.send("DELETE", "/agents/leaving")
    messages = (await alice.get(f"/conversations/{told['conversation_id']}/messages")).json["results"]
    assert [message["content"] for message in messages] == ["say:Hello", "Hello"]
    refused = await alice.ask("say:Again", conversation_id=told["conversation_id"])
    assert (refused.status, refused.code) == (404, "agent_not_found")
    again = await alice.ask("say:Again", conversation_id=told["conversation_id"], agent_name="default")
    assert again.json["conversation_id"] == told["conversation_id"]


async def test_an_agent_that_is_switched_off_takes_no_messages(alice: Client):
    await alice.post("/agents/sleeping", {"is_active": False})
    for path in ("/chat", "/chat/stream"):
        refused = await alice.post(path, {"message": "say:Hello", "agent_name": "sleeping"})
        assert (refused.status, refused.code) == (409, "agent_disabled")
    await alice.send("DELETE", "/agents/sleeping")


async def test_the_default_agent_stays(alice: Client):
    refused = await alice.send("DELETE", "/agents/default")
    assert refused.status == 409
    assert (await alice.get("/agents/default")).json["is_default"] is True


@on_sqlite
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_parallel_tools": 0}, "max_parallel_tools"),
        ({"max_parallel_tools": 65}, "max_parallel_tools"),
        ({"tool_call_timeout": 0}, "tool_call_timeout"),
        ({"tool_call_timeout": 3601}, "tool_call_timeout"),
        ({"tool_call_timeout": "soon"}, "tool_call_timeout"),
        ({"tools": ["hammer"]}, "tools"),
        ({"tools": "calculate"}, "tools"),
        ({"model_settings": {"temperature": 9}}, "model_settings"),
        ({"model_settings": {"api_key": "x"}}, "model_settings"),
        ({"provider": "https://evil.example"}, "provider"),
        ({"instructions": "x" * 100_001}, "instructions"),
        ({"name": "x" * 101}, "name"),
        ({"modle": "gpt"}, "modle"),
        ({"agent_name": "other"}, "agent_name"),
        ({"max_rounds": 0}, "max_rounds"),
        ({"max_rounds": 10**30}, "max_rounds"),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused_by_field(alice: Client, body, field):
    refused = await alice.post("/agents/wrong", body)
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert field in refused.body.decode()
    assert (await alice.get("/agents/wrong")).status == 404


@on_sqlite
@pytest.mark.parametrize(
    "name", ["-x", "x-", "with space", "a.b", "ünïcode", "x" * 65, "a%00b", "..", "%2e%2e", "a%2Fb"]
)
async def test_a_name_that_cannot_be_used_is_refused(alice: Client, name):
    answer = await alice.post(f"/agents/{name}", {})
    assert answer.status in {400, 404, 405}
    assert answer.code in {"invalid_request", "not_found"}


@on_sqlite
async def test_tools_are_listed_with_what_they_take(alice: Client):
    told = (await alice.get("/tools")).json
    assert {tool["name"] for tool in told["results"]} >= BUILTIN
    assert told["count"] == len(told["results"])
    for tool in told["results"]:
        assert tool["description"]
        assert tool["parameters"]["type"] == "object"
