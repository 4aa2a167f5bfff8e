"""What is asked often is found by an index: it costs the same however many runs there have been."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from chat.access import ALL_SCOPES, Caller
from chat.begin import begin_run
from chat.decisions import claim_due
from chat.follow import find_run
from chat.recovery import claim_abandoned
from chat.requests import ChatRequest
from chat.retention import prune_batch
from chat.tests.rows import make_user

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=15)
GROWING = ("chat_run", "chat_conversation", "chat_message", "chat_toolcall")
WHOLE = ("SCAN ", "LIST SUBQUERY", "TEMP B-TREE", "Seq Scan")  # SQLite's words, and PostgreSQL's
Statement = tuple[str, Any]


@pytest.fixture
def alice() -> Caller:
    return Caller(make_user().pk, "alice", ALL_SCOPES, "key")


def statements(ask: Callable[[], object]) -> list[Statement]:
    """What is asked of the tables that grow, with its parameters as they are bound."""
    asked: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith(("SELECT", "UPDATE")) and any(f"{table} " in sql.replace('"', "") for table in GROWING):
            asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        ask()
    return asked


def plan(statement: Statement) -> str:
    sql, params = statement
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # which a small table would get whatever its indexes
        cursor.execute(f"{connection.ops.explain_query_prefix()} {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def require_indexes(ask: Callable[[], object]) -> None:
    asked = statements(ask)
    assert asked
    whole = [(statement, told) for statement in asked if any(word in (told := plan(statement)) for word in WHOLE)]
    assert whole == []


def start(caller: Caller, key: str) -> uuid.UUID:
    begun = begin_run(caller, ChatRequest(message="Hello"), owner=uuid.uuid4(), lease=LEASE, idempotency_key=key)
    return begun.run.pk


def test_a_run_is_found_among_all_of_its_owners(alice):
    run_id = start(alice, "")
    require_indexes(lambda: find_run(alice, run_id))


def test_a_key_is_found_among_all_runs_of_its_caller(alice):
    run_id = start(alice, "key")
    require_indexes(lambda: start(alice, "key") == run_id)


def test_abandoned_runs_are_found_among_those_that_have_ended(alice):
    start(alice, "")
    require_indexes(lambda: claim_abandoned(uuid.uuid4(), LEASE))


def test_calls_that_run_again_are_found_among_all_calls():
    require_indexes(lambda: claim_due(LEASE))


def test_runs_to_prune_are_found_among_all_that_have_ended():
    require_indexes(prune_batch)
