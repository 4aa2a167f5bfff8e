"""`/agents`."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from agents.models import BUILTIN_TOOLS, DEFAULT_AGENT, Agent

pytestmark = pytest.mark.django_db
CONFIG = {
    "name": "MyAssistant",
    "instructions": "You are a specialized assistant for …",
    "model": "gpt-4-turbo-preview",
    "max_parallel_tools": 3,
    "tool_call_timeout": 12.5,
}
BAD_FIELDS = [
    ("name", ""),
    ("name", "x" * 101),
    ("name", None),
    ("name", 5),
    ("description", True),
    ("instructions", "x" * 100_001),
    ("instructions", None),
    ("provider", "nowhere"),
    ("model", "x" * 201),
    ("model_settings", {"temperature": 5}),
    ("model_settings", {"api_key": "secret"}),
    ("model_settings", []),
    ("max_parallel_tools", 0),
    ("max_parallel_tools", 65),
    ("max_parallel_tools", "3"),
    ("max_parallel_tools", 3.5),
    ("max_parallel_tools", True),
    ("tool_call_timeout", 0),
    ("tool_call_timeout", 3601),
    ("tool_call_timeout", "30"),
    ("max_rounds", 0),
    ("max_rounds", 1001),
    ("tools", ["no_such_tool"]),
    ("tools", "calculate"),
    ("tools", {}),
    ("is_active", 1),
    ("max_paralel_tools", 3),
    ("agent_name", "other"),
    ("is_default", True),
    ("created_at", "2026-11-22T21:15:03Z"),
]


@pytest.fixture(autouse=True)
def real_provider(settings):
    settings.MODEL_PROVIDERS = {"default": {"base_url": "", "api_key": "a-key"}}


def send(client: Client, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    """What a request is answered with, which has to have that status."""
    response = getattr(client, method)(path, body, content_type="application/json")
    assert response.status_code == status, response.text
    return response.json() if response.content else None


def refusal(client: Client, method: str, path: str, body: Any = None, status: int = 400) -> dict[str, Any]:
    error: dict[str, Any] = send(client, method, path, body, status)["error"]
    assert error["request_id"]
    assert error["message"]
    return error


def test_the_list_has_names_a_count_and_the_agents(alice):
    body = send(alice, "get", "/agents")
    assert (body["agents"], body["count"]) == (["default"], 1)
    (default,) = body["results"]
    assert default["agent_name"] == "default"
    assert default["is_default"] is True
    assert set(default["tools"]) == set(BUILTIN_TOOLS)
    assert default["instructions"] == "You are a helpful assistant."


def test_more_agents_cost_no_more_queries(alice, django_assert_num_queries):
    for number in range(5):
        Agent.objects.create(slug=f"agent-{number}")
    with django_assert_num_queries(4):  # the session, its user, the agents and their tools
        send(alice, "get", "/agents")


def test_an_agent_is_made_from_a_configuration(alice):
    body = send(alice, "post", "/agents/my_custom_agent", CONFIG, 201)
    assert body["message"] == "Agent 'my_custom_agent' created."
    assert body["tools_count"] == len(BUILTIN_TOOLS)
    assert CONFIG.items() <= body["agent"].items()
    assert send(alice, "get", "/agents/my_custom_agent") == body["agent"]


def test_everything_is_optional(alice):
    agent = send(alice, "post", "/agents/plain", {}, 201)["agent"]
    assert (agent["name"], agent["instructions"]) == ("Assistant", "You are a helpful assistant.")
    assert (agent["model"], agent["max_parallel_tools"], agent["tool_call_timeout"]) == ("gpt-4.1", 5, 30.0)
    assert (agent["is_active"], agent["is_default"], agent["max_rounds"]) == (True, False, None)


def test_tools_are_chosen_by_name(alice):
    body = send(alice, "post", "/agents/counting", {"tools": ["calculate"]}, 201)
    assert (body["tools_count"], body["agent"]["tools"]) == (1, ["calculate"])
    assert send(alice, "post", "/agents/bare", {"tools": []}, 201)["tools_count"] == 0


def test_a_name_that_is_taken_is_refused_and_nothing_is_overwritten(alice):
    send(alice, "post", "/agents/mine", CONFIG, 201)
    error = refusal(alice, "post", "/agents/mine", {"name": "Other"}, 409)
    assert error["code"] == "invalid_request"
    assert "'mine' already: PUT or PATCH changes it" in error["message"]
    assert refusal(alice, "post", "/agents/default", {}, 409)["code"] == "invalid_request"
    assert Agent.objects.get(slug="mine").name == "MyAssistant"


@pytest.mark.parametrize("name", ["-mine", "my agent", "%C3%A9", "mine%0A", "mine%00", "x" * 65])
def test_a_name_that_cannot_be_one_is_refused(alice, name):
    assert refusal(alice, "post", f"/agents/{name}", {})["code"] == "invalid_request"
    for method in ("get", "put", "patch", "delete"):
        assert refusal(alice, method, f"/agents/{name}", {}, 404)["code"] == "agent_not_found"


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
def test_a_field_that_cannot_be_used_is_named(alice, field, value):
    for method, path in (("post", "/agents/new"), ("put", "/agents/default"), ("patch", "/agents/default")):
        error = refusal(alice, method, path, {field: value})
        assert error["code"] == "invalid_request"
        assert field in error["details"]["fields"]
    assert not Agent.objects.filter(slug="new").exists()


@pytest.mark.parametrize("body", ['{"name": ', "[]", '"text"', "null", '{"name": "\\ud800"}', '{"name": "a\\u0000"}'])
def test_a_body_that_is_no_object_of_storable_text_is_refused(alice, body):
    for method, path in (("post", "/agents/new"), ("put", "/agents/default"), ("patch", "/agents/default")):
        assert refusal(alice, method, path, body)["code"] == "invalid_request"


def test_only_json_is_taken(alice):
    response = alice.post("/agents/new", "name=x", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 415


def test_patch_changes_what_it_names(alice):
    send(alice, "post", "/agents/mine", CONFIG, 201)
    agent = send(alice, "patch", "/agents/mine", {"model": "gpt-4.1-mini", "tools": ["get_time"], "is_active": False})
    assert agent["model"] == "gpt-4.1-mini"
    assert agent["tools"] == ["get_time"]
    assert agent["is_active"] is False
    assert agent["name"] == "MyAssistant"
    assert agent["tool_call_timeout"] == 12.5


def test_put_brings_back_the_defaults_of_what_it_leaves_out(alice):
    send(alice, "post", "/agents/mine", CONFIG | {"tools": ["get_time"], "max_rounds": 3}, 201)
    agent = send(alice, "put", "/agents/mine", {"description": "New."})
    assert (agent["description"], agent["name"], agent["max_parallel_tools"]) == ("New.", "Assistant", 5)
    assert (agent["tool_call_timeout"], agent["max_rounds"], agent["model"]) == (30.0, None, "gpt-4.1")
    assert set(agent["tools"]) == set(BUILTIN_TOOLS)
    assert agent["instructions"] == "You are a helpful assistant."


def test_whether_requests_may_replace_the_instructions_is_said_by_each_agent(alice):
    assert send(alice, "get", "/agents/default")["allow_instructions"] is True
    assert send(alice, "post", "/agents/mine", CONFIG, 201)["agent"]["allow_instructions"] is False
    assert send(alice, "patch", "/agents/mine", {"allow_instructions": True})["allow_instructions"] is True
    assert send(alice, "put", "/agents/mine", {})["allow_instructions"] is False
    assert send(alice, "put", "/agents/default", {})["allow_instructions"] is True


def test_settings_reach_the_agent(alice):
    send(alice, "patch", "/agents/default", {"model_settings": {"temperature": 0.2}, "max_rounds": 4})
    default = Agent.objects.get(slug=DEFAULT_AGENT)
    assert (default.model_settings, default.config().max_rounds) == ({"temperature": 0.2}, 4)


def test_an_agent_is_deleted_but_never_the_default_one(alice):
    send(alice, "post", "/agents/mine", {}, 201)
    assert send(alice, "delete", "/agents/mine", status=204) is None
    assert refusal(alice, "get", "/agents/mine", status=404)["code"] == "agent_not_found"
    error = refusal(alice, "delete", "/agents/default", status=409)
    assert error["code"] == "invalid_request"
    assert "is_active" in error["message"]
    assert Agent.objects.filter(slug=DEFAULT_AGENT).exists()


def test_an_unknown_agent_is_404_on_every_method(alice):
    for method in ("get", "put", "patch", "delete"):
        error = refusal(alice, method, "/agents/nobody", {}, 404)
        assert error["code"] == "agent_not_found"
        assert "GET /agents lists them" in error["message"]


def test_the_demo_model_is_called_demo(alice, settings):
    settings.MODEL_PROVIDERS = {"default": {"base_url": "", "api_key": ""}}
    assert send(alice, "post", "/agents/mine", CONFIG, 201)["agent"]["model"] == "demo"
    assert Agent.objects.get(slug="mine").model == "gpt-4-turbo-preview"


# --- who may ---------------------------------------------------------------------------------------------------------
def test_without_the_scope_agents_are_seen_without_their_insides(bob):
    Agent.objects.create(slug="off", is_active=False)
    body = send(bob, "get", "/agents")
    assert body["agents"] == ["default"]
    for agent in (body["results"][0], send(bob, "get", "/agents/default")):
        assert not {"instructions", "provider", "model_settings"} & set(agent)
        assert agent["name"] == "Assistant"


def test_with_the_scope_inactive_agents_are_listed(alice):
    Agent.objects.create(slug="off", is_active=False)
    assert send(alice, "get", "/agents")["agents"] == ["default", "off"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_without_the_scope_nothing_is_changed(bob, method):
    assert refusal(bob, method, "/agents/default", {}, 403)["code"] == "forbidden"
    assert refusal(bob, method, "/agents/nobody", {}, 403)["code"] == "forbidden"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_a_stranger_is_refused_before_anything_is_looked_up(stranger, method):
    for path in ("/agents/default", "/agents/nobody"):
        assert refusal(stranger, method, path, {}, 401)["code"] == "unauthenticated"


@pytest.mark.parametrize(("scopes", "may_converse", "may_manage"), [
    (["chat"], True, False), (["agents"], False, True), (["chat", "agents"], True, True),
])  # fmt: skip
def test_a_key_may_do_what_its_scopes_say(stranger, scopes, may_converse, may_manage):
    out = StringIO()
    arguments = [part for scope in scopes for part in ("--scope", scope)]
    call_command("create_api_key", "charlie", *arguments, stdout=out, stderr=StringIO())
    bearer = {"Authorization": f"Bearer {out.getvalue().strip()}"}
    assert stranger.get("/agents", headers=bearer).status_code == (200 if may_converse else 403)
    made = stranger.post("/agents/mine", {}, content_type="application/json", headers=bearer)
    assert made.status_code == (201 if may_manage else 403)
