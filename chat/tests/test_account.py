"""`manage.py export_user` and `delete_user`: all of one user, nothing of another."""

import io
import json
import stat

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model
from django.test import RequestFactory
from django.urls import reverse

from agents.events import ChatComplete
from chat.access import ALL_SCOPES, Caller
from chat.account import CONVERSATIONS_AT_ONCE, belongings
from chat.audit import Action, record
from chat.models import ApiKey, AuditEntry, Conversation, Run, RunEvent, ToolCall
from chat.models.allowance import Allowance
from chat.models.audit import FORGOTTEN
from chat.models.budget import Budget, Spending
from chat.models.ticket import SocketTicket
from chat.tests.rows import make_conversation, make_run, make_user, tell

pytestmark = pytest.mark.django_db
WORDS = "pineapple-under-the-sea"


def command(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def with_belongings(name: str, words: str = WORDS) -> Run:
    """A finished run of that user, with all that comes with one."""
    user = make_user(name, email=f"{words}@example.com")
    run = make_run(make_conversation(user, title=words), question=words, content=words, status=Run.Status.COMPLETED)
    tell(run, ChatComplete(final_response=words, total_tool_calls=1))
    ToolCall.objects.create(run=run, call_id="c0", name="calculate", arguments={"expression": words}, content=words)
    ApiKey.objects.issue(user.pk, scopes=["chat"])
    own = Budget.objects.create(subject=Budget.Subject.USER, user=user, period=Budget.Period.MONTH, tokens=1000)
    log_by_an_administrator(user, ApiKey.objects.get(user=user), own)
    budget, _ = Budget.objects.get_or_create(subject=Budget.Subject.EACH_USER, period=Budget.Period.DAY, tokens=9)
    Spending.objects.create(budget=budget, holder=user.pk, begins="2026-01-01", used=3)
    record(Action.SIGNED_IN, by=Caller(user.pk, name, ALL_SCOPES, "session"), of=user)
    address = f"near-{name}"
    failed = RequestFactory().get("/", REMOTE_ADDR=address, headers={"x-forwarded-for": address})
    record(Action.SIGN_IN_FAILED, by=failed, of=user)
    return run


def log_by_an_administrator(*rows: Model) -> None:
    """What the admin's pages log when somebody else changes these rows."""
    admin, _ = get_user_model().objects.get_or_create(username="registrar")
    LogEntry.objects.log_actions(admin.pk, rows, CHANGE, [{"changed": {"fields": ["x"]}}])


def everything() -> str:
    """Each row of each table."""
    lines = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a name of the database
            lines += [f"{table} {row}" for row in cursor.fetchall()]
    return "\n".join(lines)


def test_an_export_holds_every_row_and_no_secret(tmp_path):
    run, other = with_belongings("alice"), with_belongings("bob", words="not-of-alice")
    command("export_user", "alice", "--to", str(tmp_path / "new" / "folder"))
    folder = tmp_path / "new" / "folder"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in folder.iterdir()}
    counts = {name: len(rows) for name, rows in files.items()}
    assert counts == {"user": 1, "api_keys": 1, "conversations": 1, "messages": 2, "runs": 1, "events": 1,
                      "tool_calls": 1, "budgets": 1, "spending": 1, "admin_log": 0, "audit": 3}  # fmt: skip
    assert files["events"][0] | {"body": ""} == {
        "run_id": str(run.pk),
        "seq": 1,
        "event_type": "chat_complete",
        "body": "",
    }
    assert files["user"][0]["username"] == "alice"
    assert [entry["action"] for entry in files["audit"]] == ["signed_in", "sign_in_failed", "user_exported"]
    text = json.dumps(files)
    for secret in ("not-of-alice", str(other.pk), ApiKey.objects.get(user=run.caller).digest, "password", "config"):
        assert secret not in text


def test_every_table_that_names_a_user_is_exported():
    """But for what lives for seconds: tickets, and what is left of a rate."""
    exported = {rows.model for rows in belongings(make_user()).values()} | {SocketTicket, Allowance}
    links = get_user_model()._meta.get_fields(include_hidden=True)
    tables = {link.related_model for link in links if link.auto_created and link.is_relation and link.related_model}
    ours = {table for table in tables if table._meta.app_label == "chat"}
    assert {Conversation, Run, SocketTicket} <= ours <= exported


def test_an_export_refuses_a_folder_that_is_there_and_a_user_who_is_not(tmp_path):
    make_user()
    with pytest.raises(CommandError, match="name a new folder with --to"):
        command("export_user", "alice", "--to", str(tmp_path))
    with pytest.raises(CommandError, match="no user 'nobody'"):
        command("export_user", "nobody")
    assert not AuditEntry.objects.filter(action=Action.USER_EXPORTED).exists()


def test_a_large_export_says_how_far_it_is(tmp_path):
    run = with_belongings("alice")
    RunEvent.objects.bulk_create(
        RunEvent(run=run, seq=seq, event_type="chat_chunk", body="{}") for seq in range(2, 10_002)
    )
    printed = command("export_user", "alice", "--to", str(tmp_path / "export"))
    assert "10000 events …" in printed
    assert "10001 events" in printed


def test_a_deleted_user_is_gone_from_every_table(client):
    run, other = with_belongings("alice"), with_belongings("bob", words="not-of-alice")
    client.force_login(run.caller)
    assert "alice is gone" in command("delete_user", "alice", "--yes")
    left = everything()
    for text in (WORDS, "alice", str(run.pk), run.pk.hex):
        assert text not in left.replace("not-of-alice", "")
    for text in ("not-of-alice", "… of bob", "tokens a month for bob", "near-bob"):
        assert text in left
    assert list(Run.objects.all()) == [other]
    assert list(Spending.objects.values_list("holder", flat=True)) == [other.caller_id]
    assert "_auth_user_id" not in client.session


def test_what_a_deleted_user_did_stays_without_the_name():
    run = with_belongings("alice")
    command("delete_user", "alice", "--yes")
    entries = AuditEntry.objects.about(run.caller_id).order_by("id")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("signed_in", FORGOTTEN),
        ("sign_in_failed", ""),
        ("user_deleted", ""),
    ]
    assert {entry.object_id for entry in entries} == {str(run.caller_id)}


def test_the_admin_log_forgets_what_was_deleted_before_and_former_names():
    user = make_user("alicia")
    key, _ = ApiKey.objects.issue(user.pk, scopes=["chat"])
    log_by_an_administrator(user, key)
    user.username = "alice"
    user.save()
    with_belongings("malice")
    again = ApiKey.objects.select_related("user").get(pk=key.pk)
    log_by_an_administrator(again)
    key.delete()
    command("delete_user", "alice", "--yes")
    labels = list(LogEntry.objects.order_by("id").values_list("object_repr", flat=True))
    assert labels[:2] == [FORGOTTEN] * 2
    assert labels[2] == "malice"
    assert labels[-1] == FORGOTTEN
    assert labels.count(FORGOTTEN) == 3


def test_many_conversations_are_deleted_a_few_at_a_time():
    user = make_user()
    for _ in range(CONVERSATIONS_AT_ONCE + 1):
        make_conversation(user)
    printed = command("delete_user", "alice", "--yes")
    for count in (CONVERSATIONS_AT_ONCE, CONVERSATIONS_AT_ONCE + 1):
        assert f"{count} conversations deleted …" in printed


def test_a_run_that_nobody_runs_does_not_keep_its_user():
    make_run(make_conversation(make_user()))
    assert "Stopping active runs" in command("delete_user", "alice", "--yes", "--wait", "0.2")
    assert not Run.objects.exists()


@pytest.mark.parametrize(("answer", "is_gone"), [("alice", True), ("yes", False), ("", False)])
def test_it_asks_for_the_name_first(answer, is_gone, monkeypatch):
    make_conversation(make_user())
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n" if answer else ""))
    if is_gone:
        assert "with 1 conversations" in command("delete_user", "alice")
    else:
        with pytest.raises(CommandError, match="Nothing was deleted"):
            command("delete_user", "alice")
    assert get_user_model().objects.filter(username="alice").exists() != is_gone
    assert Conversation.objects.exists() != is_gone


def test_whoever_is_needed_is_kept():
    make_user("root", is_superuser=True)
    for name, says in (("local", "open access acts as"), ("root", "last administrator"), ("nobody", "no user")):
        with pytest.raises(CommandError, match=says):
            command("delete_user", name, "--yes")
    make_user("second", is_superuser=True)
    assert "root is gone" in command("delete_user", "root", "--yes")


def test_a_conversation_deleted_in_the_admin_is_gone_from_every_table(client):
    run = with_belongings("alice")
    client.force_login(make_user("root", is_superuser=True, is_staff=True))
    get_user_model().objects.filter(username="alice").update(email="")
    for path, form in (
        (reverse("admin:chat_conversation_delete", args=[run.conversation_id]), {"post": "yes"}),
        (
            reverse("admin:chat_conversation_changelist"),
            {"action": "delete_selected", "_selected_action": [with_belongings("bob").conversation_id], "post": "yes"},
        ),
    ):
        assert client.post(path, form, HTTP_HOST="localhost").status_code == 302
        get_user_model().objects.filter(username="bob").update(email="")
    assert not Conversation.objects.exists()
    assert WORDS not in everything()
