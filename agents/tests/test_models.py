"""Agents as rows."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from agents.config import AgentConfig
from agents.errors import ErrorCode, Refused
from agents.models import BUILTIN_TOOLS, DEFAULT_AGENT, Agent, create_default_agent, is_slug
from tools.models import Tool

pytestmark = pytest.mark.django_db


@pytest.fixture
def default() -> Agent:
    return Agent.objects.get(slug=DEFAULT_AGENT)


def test_the_default_agent_is_there_with_the_built_in_tools(default):
    assert {tool.name for tool in default.tools.all()} == set(BUILTIN_TOOLS)
    assert (default.name, default.instructions) == ("Assistant", "You are a helpful assistant.")
    assert (default.max_parallel_tools, default.tool_call_timeout, default.max_rounds) == (5, 30.0, None)
    assert default.is_default
    assert default.is_active
    assert str(default) == "Assistant (default)"


def test_migrating_again_changes_nothing(default):
    Agent.objects.filter(pk=default.pk).update(name="Ours", is_active=False)
    default.tools.clear()
    call_command("migrate", verbosity=0)
    create_default_agent()
    default.refresh_from_db()
    assert (default.name, default.is_active, default.tools.count()) == ("Ours", False, 0)
    assert Agent.objects.count() == 1


def test_the_default_agent_is_made_beside_others(default):
    default.delete()
    Agent.objects.create(slug="other")
    create_default_agent()
    assert set(Agent.objects.values_list("slug", flat=True)) == {"default", "other"}


def test_without_its_table_no_default_agent_is_made(default):
    default.delete()
    before = MigrationExecutor(connection).loader.project_state([("tools", "0001_initial")]).apps
    create_default_agent(apps=before)
    assert not Agent.objects.exists()


@pytest.mark.parametrize("name", ["a", "Default", "my_custom_agent", "A-1", "x" * 64])
def test_names_that_an_agent_can_have(name):
    assert is_slug(name)
    Agent(slug=name).full_clean()


@pytest.mark.parametrize("name", ["", "-a", "a-", "_a", "a b", "a/b", "a\n", "é", "a\x00", "x" * 65])
def test_names_that_no_agent_can_have(name):
    assert not is_slug(name)
    with pytest.raises(ValidationError):
        Agent(slug=name).full_clean()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_parallel_tools", 0),
        ("max_parallel_tools", 65),
        ("tool_call_timeout", 0),
        ("tool_call_timeout", 3601),
        ("max_rounds", 0),
        ("max_rounds", 1001),
        ("provider", "nowhere"),
        ("model_settings", {"temperature": 3}),
        ("name", ""),
    ],
)
def test_values_out_of_range_are_refused(field, value):
    with pytest.raises(ValidationError) as refused:
        Agent(slug="a", **{field: value}).full_clean()
    assert set(refused.value.message_dict) == {field}


def test_a_run_gets_a_copy_of_the_configuration(default, settings):
    settings.MODEL_PROVIDERS = {"default": {"base_url": "", "api_key": "key"}}
    default.model_settings = {"temperature": 0.2}
    default.model = "gpt-4.1-mini"
    assert default.config() == AgentConfig(
        slug="default",
        name="Assistant",
        instructions="You are a helpful assistant.",
        provider="default",
        model="gpt-4.1-mini",
        settings={"temperature": 0.2},
        tools=tuple(sorted(BUILTIN_TOOLS)),
        max_parallel_tools=5,
        tool_call_timeout=30.0,
        max_rounds=settings.MAX_ROUNDS,
        parallel_tools=True,
    )


def test_a_request_may_replace_instructions_and_turn_parallel_tools_off(default):
    config = default.config(instructions="", parallel_tools=False)
    assert (config.instructions, config.parallel_tools) == ("", False)


def test_an_agent_that_does_not_allow_it_takes_no_instructions_from_a_request():
    agent = Agent.objects.create(slug="strict")
    assert agent.config().instructions == "You are a helpful assistant."
    for instructions in ("Be brief.", ""):
        with pytest.raises(Refused, match="'strict' takes no `instructions`") as refused:
            agent.config(instructions=instructions)
        assert refused.value.code is ErrorCode.FORBIDDEN


@pytest.mark.django_db(transaction=True)
def test_the_migration_lets_requests_instruct_the_default_agent_and_no_other():
    before, after = [("agents", "0001_initial")], [("agents", "0002_allow_instructions")]
    executor = MigrationExecutor(connection)
    executor.migrate(before)
    executor.loader.project_state(before).apps.get_model("agents", "Agent").objects.create(slug="custom")
    MigrationExecutor(connection).migrate(after)
    told = dict(Agent.objects.values_list("slug", "allow_instructions"))
    call_command("migrate", verbosity=0)  # what other apps had built on it is there again for the next test
    assert told == {"default": True, "custom": False}


def test_an_agent_with_rounds_of_its_own_keeps_them(default):
    default.max_rounds = 3
    assert default.config().max_rounds == 3


def test_the_demo_model_says_that_it_is_one(default, settings):
    default.model = "gpt-4.1"
    assert default.effective_model == "demo"
    settings.MODEL_PROVIDERS = {"default": {"base_url": "http://127.0.0.1:9/v1", "api_key": ""}}
    assert default.effective_model == "gpt-4.1"
    default.model = ""
    assert default.effective_model == settings.DEFAULT_MODEL


def test_only_tools_that_are_switched_on_and_present_are_given(default):
    Tool.objects.filter(name="calculate").update(enabled=False)
    default.tools.add(Tool.objects.create(name="gone", description="Gone.", parameters={}, available=False))
    names = {tool.name for tool in default.runnable_tools()}
    assert names == set(BUILTIN_TOOLS) - {"calculate"}
    assert set(default.config().tools) == names


def test_what_an_admin_set_for_a_tool_holds(default):
    Tool.objects.filter(name="calculate").update(timeout=2.5, requires_approval=True)
    calculate = next(tool for tool in default.runnable_tools() if tool.name == "calculate")
    assert (calculate.timeout, calculate.requires_approval) == (2.5, True)


def test_active_agents(default):
    Agent.objects.create(slug="off", is_active=False)
    assert list(Agent.objects.active()) == [default]
