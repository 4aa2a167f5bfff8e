"""Statements that are built once store and read what Django's own would, and a start or an end takes few of them."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from agents.models import Agent
from agents.statements import Cursor, db_key, load, made
from chat.access import ALL_SCOPES, Caller
from chat.begin import begin_run
from chat.ids import new_id
from chat.models import Conversation, Message, Run
from chat.requests import ChatRequest
from chat.tests.rows import make_conversation, make_run, make_user

pytestmark = pytest.mark.django_db


def fields_of(row, *, without: tuple[str, ...] = ()) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields
            if field.attname not in without}  # fmt: skip


@pytest.fixture
def run() -> Run:
    return make_run(make_conversation(make_user()), content="Hi.", turns=[{"role": "assistant", "content": "Hi."}])


def test_a_row_is_loaded_as_django_loads_it(run):
    for model, key in ((Run, run.pk), (Conversation, run.conversation_id), (Message, run.answer_id)):
        (loaded,) = load(model, "id = %s", db_key(key))
        assert loaded == model.objects.get(pk=key)
        assert fields_of(loaded) == fields_of(model.objects.get(pk=key))
        assert not loaded._state.adding
    (agent,) = load(Agent, "slug = %s", "default")
    assert fields_of(agent) == fields_of(Agent.objects.get(slug="default"))


def test_only_some_fields_are_loaded_and_the_others_at_need(run, django_assert_num_queries):
    with django_assert_num_queries(1):
        (answer,) = load(Message, "id = %s", db_key(run.answer_id), only=("content",))
        assert answer.content == "Hi."
    with django_assert_num_queries(1):
        assert answer.turns == [{"role": "assistant", "content": "Hi."}]


def test_nothing_is_loaded_where_nothing_meets_the_condition():
    assert load(get_user_model(), "username = %s AND is_active", "nobody") == []


def test_inserted_rows_are_those_that_saved_ones_are(run):
    shared = {"conversation_id": run.conversation_id, "role": "user", "content": "é🎉 %s", "turns": [{"a": 1}]}
    saved = Message.objects.create(**shared)
    now = timezone.now().astimezone(timezone.get_fixed_timezone(90))
    ids = [new_id(), new_id()]
    Cursor().insert(Message, *({"id": key, "created_at": now, **shared} for key in ids))
    for key in ids:
        stored = Message.objects.get(pk=key)
        kept = ("id", "created_at")
        assert fields_of(stored, without=kept) == fields_of(Message.objects.get(pk=saved.pk), without=kept)
        assert stored.created_at == now


def test_what_is_not_given_has_its_default_or_has_to_be_given(run):
    cursor, key = Cursor(), new_id()
    given = {"conversation_id": run.conversation_id, "role": "user"}
    cursor.insert(Message, {"id": key, "created_at": timezone.now(), **given})
    stored = Message.objects.get(pk=key)
    assert (stored.content, stored.turns, stored.parent_id) == ("", [], None)
    with pytest.raises(TypeError, match="created_at"):
        cursor.insert(Message, {"id": new_id(), **given})
    with pytest.raises(TypeError, match="id"):
        cursor.insert(Message, {"created_at": timezone.now(), **given})


def test_an_instance_is_made_of_the_values_that_were_stored(run):
    values = fields_of(run, without=("epoch", "status", "error_code"))
    again = made(Run, {**values, "status": "failed"})
    assert again == run
    assert not again._state.adding
    assert fields_of(again) == {**fields_of(run), "epoch": 1, "status": "failed", "error_code": ""}
    with pytest.raises(KeyError):
        made(Run, {"id": run.pk})


def test_errors_are_those_of_django(run):
    cursor = Cursor()
    with pytest.raises(IntegrityError), transaction.atomic():
        cursor.insert(Message, *[{"id": run.answer_id, "created_at": timezone.now(), "role": "user",
                                  "conversation_id": run.conversation_id}])  # fmt: skip
    with pytest.raises(DatabaseError), transaction.atomic():
        cursor.rows("SELECT nothing FROM chat_run")


def test_statements_are_in_the_log_of_queries_if_there_is_one(run, django_assert_num_queries):
    key = run.conversation_id
    with django_assert_num_queries(2):
        Cursor().update(Conversation, key, title="100 %")
        assert Cursor().rows("SELECT title FROM chat_conversation WHERE id = %s", [db_key(key)]) == [("100 %",)]


def test_the_database_works_out_an_expression(run):
    copy = fields_of(run, without=("id", "answer_id", "lease_until", "status"))
    answer = Message.objects.create(conversation_id=run.conversation_id, role="assistant")
    cursor, key = Cursor(), new_id()
    row = {**copy, "id": key, "answer_id": answer.pk, "status": "completed"}
    cursor.insert(Run, row, lease_until=cursor.later(timedelta(minutes=10)))
    left = Run.objects.get(pk=key).lease_until - timezone.now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


def test_one_row_is_updated_and_no_other(run):
    other = make_run(make_conversation(make_user("bob")))
    Cursor().update(Run, run.pk, status="completed", lease_until=None, finish_reason="stop", config={"a": [1]})
    run.refresh_from_db()
    assert (run.status, run.lease_until, run.finish_reason, run.config) == ("completed", None, "stop", {"a": [1]})
    other.refresh_from_db()
    assert other.is_active


def start(caller: Caller, **options) -> Run:
    request = ChatRequest(message="Hello", **options)
    return begin_run(caller, request, owner=uuid.uuid4(), lease=timedelta(seconds=15)).run


def statements_of_a_start(caller: Caller, django_assert_max_num_queries, **options) -> int:
    with django_assert_max_num_queries(14) as asked:
        run = start(caller, **options)
    with django_assert_max_num_queries(2):
        run.finish(Run.Status.COMPLETED)
    return len(asked)


def test_a_start_takes_the_same_few_statements_however_long_the_history(django_assert_max_num_queries):
    alice = Caller(make_user().pk, "alice", ALL_SCOPES, "key")
    first = statements_of_a_start(alice, django_assert_max_num_queries)
    second = statements_of_a_start(alice, django_assert_max_num_queries)
    for _ in range(10):
        start(alice).finish(Run.Status.COMPLETED)
    assert statements_of_a_start(alice, django_assert_max_num_queries) == second
    assert statements_of_a_start(alice, django_assert_max_num_queries, reset_history=True) <= first + 1
