from typing import get_args

import pytest
from django.apps.registry import Apps
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from tools.apps import sync_tools
from tools.base import Replay, tool
from tools.exceptions import UnknownToolError
from tools.models import ReplayRule, Tool
from tools.registry import ToolRegistry, registry

BUILTIN = {"get_weather", "calculate", "get_time", "search_web", "get_stock_price"}

pytestmark = pytest.mark.django_db


@tool(timeout=3, replay="idempotent")
def greet(name: str) -> str:
    """Say hello."""
    return f"Hello {name}"


@pytest.fixture
def greeting():
    """A row whose tool is in the registry for as long as the test runs."""
    before = list(registry)
    registry.register(greet)
    Tool.objects.sync(registry)
    yield Tool.objects.get(name="greet")
    registry.replace(before)


def test_migrating_makes_a_row_of_every_tool():
    rows = Tool.objects.filter(name__in=BUILTIN)
    assert {row.name for row in rows} == BUILTIN
    for row in rows:
        code = registry.get(row.name)
        assert (row.description, row.parameters) == (code.description, code.parameters)
        assert (row.enabled, row.available) == (True, True)
        assert (row.timeout, row.requires_approval, row.replay) == (None, None, "")


def test_syncing_again_writes_nothing(django_assert_num_queries):
    with django_assert_num_queries(1):
        Tool.objects.sync(registry)


def test_what_an_admin_decided_survives_a_change_of_the_code():
    Tool.objects.filter(name="calculate").update(
        enabled=False, timeout=9, requires_approval=True, replay="unsafe", description="old", parameters={}
    )
    before = Tool.objects.get(name="calculate")
    Tool.objects.sync(registry)
    row = Tool.objects.get(name="calculate")
    assert (row.enabled, row.timeout, row.requires_approval, row.replay) == (False, 9, True, "unsafe")
    assert row.description == registry.get("calculate").description
    assert row.parameters == registry.get("calculate").parameters
    assert row.updated_at > before.updated_at
    assert row.created_at == before.created_at


def test_a_tool_that_left_the_code_is_kept_but_not_usable_until_it_returns(greeting):
    Tool.objects.filter(pk=greeting.pk).update(timeout=9)
    Tool.objects.sync(tool for tool in registry if tool is not greet)
    row = Tool.objects.get(name="greet")
    assert (row.available, row.timeout, row.description) == (False, 9, "Say hello.")
    assert row not in Tool.objects.usable()

    Tool.objects.sync(registry)
    assert Tool.objects.usable().get(name="greet").timeout == 9


def test_usable_tools_are_enabled_and_in_the_code(greeting):
    assert set(Tool.objects.usable().values_list("name", flat=True)) == {*BUILTIN, "greet"}
    Tool.objects.filter(name="calculate").update(enabled=False)
    Tool.objects.create(name="elsewhere", description="In the code of another process.", parameters={})
    assert set(Tool.objects.available().values_list("name", flat=True)) == {*BUILTIN, "greet"}
    assert set(Tool.objects.usable().values_list("name", flat=True)) == {*BUILTIN, "greet"} - {"calculate"}


def test_a_runnable_tool_has_the_rules_of_the_code_unless_an_admin_decided_otherwise(greeting):
    runnable = greeting.runnable()
    assert (runnable.timeout, runnable.requires_approval, runnable.replay) == (3, False, "idempotent")
    assert runnable.function is greet.function

    greeting.timeout, greeting.requires_approval, greeting.replay = 0.5, True, "unsafe"
    runnable = greeting.runnable()
    assert (runnable.timeout, runnable.requires_approval, runnable.replay) == (0.5, True, "unsafe")

    greeting.requires_approval = False
    assert greeting.runnable().requires_approval is False


def test_a_row_without_code_cannot_run():
    with pytest.raises(UnknownToolError, match="'gone'"):
        Tool(name="gone").runnable()


@pytest.mark.parametrize("timeout", [0, -1, 3600.1])
def test_a_timeout_is_above_zero_and_at_most_an_hour(timeout):
    row = Tool.objects.get(name="calculate")
    row.timeout = timeout
    with pytest.raises(ValidationError, match="up to 3600 seconds"):
        row.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


@pytest.mark.parametrize("timeout", [None, 0.1, 3600])
def test_a_row_as_the_code_makes_it_is_valid(timeout):
    row = Tool.objects.get(name="calculate")
    row.timeout = timeout
    row.full_clean()


def test_names_are_unique_and_shown():
    assert str(Tool.objects.get(name="calculate")) == "calculate"
    with pytest.raises(IntegrityError), transaction.atomic():
        Tool.objects.create(name="calculate", description="Again", parameters={})


def test_the_replay_rules_of_rows_are_those_of_the_code():
    assert set(ReplayRule.values) == set(get_args(Replay))


def test_two_processes_may_sync_at_once():
    rows = Tool.objects.all()
    assert list(rows.filter(name="nobody")) == []
    rows.filter(name="nobody").sync(ToolRegistry([registry.get("calculate")]))
    assert Tool.objects.filter(name="calculate").count() == 1


def test_nothing_is_synced_after_a_migration_to_an_earlier_state(django_assert_num_queries):
    Tool.objects.all().delete()
    state = MigrationLoader(connection).project_state(("tools", "0001_initial"))
    state.remove_field("tools", "tool", "replay")
    with django_assert_num_queries(0):
        sync_tools(apps=state.apps)
        sync_tools(apps=Apps())
    sync_tools()
    assert set(Tool.objects.values_list("name", flat=True)) >= BUILTIN


def test_the_migrations_are_complete():
    call_command("makemigrations", "tools", check=True, dry_run=True, verbosity=0)
