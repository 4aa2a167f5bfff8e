"""The audit log leaves: in the admin and with `manage.py export_audit`, whole, in order, and safe to open."""

import csv
import io
import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone

from chat.access import ALL_SCOPES, Caller
from chat.audit import Action, record
from chat.audit.export import BATCH, COLUMNS, as_csv, batches
from chat.models import AuditEntry
from chat.models.audit import Via
from chat.tests.rows import make_user

pytestmark = pytest.mark.django_db
HOST = {"HTTP_HOST": "localhost"}


@pytest.fixture
def root(client):
    client.defaults |= HOST
    client.force_login(make_user("root", is_superuser=True, is_staff=True))
    return client


def made(count: int) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(action=Action.AGENT_CHANGED, actor=f"user{number}", details={"fields": ["model"]})
        for number in range(count)
    )


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_audit", *arguments, stdout=out)
    return out.getvalue()


def test_batches_leave_nothing_out_and_follow_the_order():
    made(2 * BATCH + 1)
    sizes, names = zip(*[(len(rows), rows[0].actor) for rows in batches(AuditEntry.objects.all())], strict=True)
    assert sizes == (BATCH, BATCH, 1)
    assert names == ("user0", f"user{BATCH}", f"user{2 * BATCH}")


def test_the_command_prints_json_lines_or_csv_and_is_told_itself():
    made(3)
    lines = [json.loads(line) for line in printed().splitlines()]
    assert [line["actor"] for line in lines] == ["user0", "user1", "user2", ""]
    assert list(lines[0]) == COLUMNS
    assert lines[-1]["action"] == "audit_exported"
    rows = list(csv.DictReader(io.StringIO(printed("--format", "csv"))))
    assert len(rows) == 5
    assert json.loads(rows[0]["details"]) == {"fields": ["model"]}
    assert rows[0]["user_id"] == ""


@pytest.mark.parametrize("since", ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S+00:00"])
def test_the_command_begins_where_it_is_told_to(since):
    day = timezone.now() - timedelta(days=1)
    for days, name in ((3, "old"), (0, "new")):
        AuditEntry.objects.create(action=Action.SIGNED_IN, actor=name, at=timezone.now() - timedelta(days=days))
    assert [json.loads(line)["actor"] for line in printed("--since", day.strftime(since)).splitlines()] == ["new", ""]


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "2026-02-30T00:00"])
def test_a_time_that_is_none_is_refused(since):
    with pytest.raises(CommandError, match="--since"):
        printed("--since", since)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_of_the_csv_is_a_formula(name):
    record(Action.SIGNED_IN, by=Caller(7, name, ALL_SCOPES, "session"))
    assert f"'{name}" in next(csv.reader(io.StringIO(as_csv(list(AuditEntry.objects.all())))))


@pytest.mark.django_db(transaction=True)
async def test_the_admin_streams_what_was_selected():
    client = AsyncClient(headers={"host": "localhost"})
    await client.aforce_login(await sync_to_async(make_user)("root", is_superuser=True, is_staff=True))
    for number in range(3):
        await AuditEntry.objects.acreate(action=Action.AGENT_CHANGED, actor=f"user{number}", via=Via.KEY)
    ids = [pk async for pk in AuditEntry.objects.filter(via=Via.KEY).values_list("pk", flat=True)]
    path = reverse("admin:chat_auditentry_changelist")
    for action, kind in (("export_json_lines", "application/x-ndjson"), ("export_csv", "text/csv; charset=utf-8")):
        answer = await client.post(path, {"action": action, "_selected_action": ids[:2]})
        body = b"".join([piece async for piece in answer.streaming_content]).decode()
        assert answer["Content-Type"] == kind
        assert "attachment" in answer["Content-Disposition"]
        assert [name in body for name in ("user0", "user1", "user2")] == [False, True, True]
    exported = [entry async for entry in AuditEntry.objects.filter(action=Action.AUDIT_EXPORTED).order_by("id")]
    assert [entry.details for entry in exported] == [{"format": "jsonl", "entries": 2}, {"format": "csv", "entries": 2}]
    assert {entry.actor for entry in exported} == {"root"}
    await sync_to_async(lambda: connection.close())()  # asgiref's own: it would keep the database


def test_entries_are_found_by_who_what_and_where(root):
    made(2)
    AuditEntry.objects.create(action=Action.SIGN_IN_FAILED, peer="192.0.2.1", request_id="r-77")
    path = reverse("admin:chat_auditentry_changelist")

    def found(**query: str) -> int:
        return root.get(path, query).context["cl"].result_count

    assert found(q="user1") == 1
    assert found(q="r-77") == found(q="192.0.2.1") == found(action__exact="sign_in_failed") == 1


def test_not_even_an_administrator_writes_entries(root):
    entry = record(Action.USER_EXPORTED, note="<script>alert(1)</script>")
    page = reverse("admin:chat_auditentry_change", args=[entry.pk])
    shown = root.get(page)
    assert "&lt;script&gt;" in shown.text
    assert 'name="_save"' not in shown.text
    assert root.post(page, {"actor": "x"}).status_code == 403
    assert root.get(reverse("admin:chat_auditentry_add")).status_code == 403
    assert root.post(reverse("admin:chat_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    answer = root.post(
        reverse("admin:chat_auditentry_changelist"),
        {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"},
    )
    assert answer.status_code in (302, 403)
    assert AuditEntry.objects.get(pk=entry.pk).actor == ""


def test_staff_without_permission_see_no_entry(client):
    client.defaults |= HOST
    client.force_login(make_user("bob", is_staff=True))
    assert client.get(reverse("admin:chat_auditentry_changelist")).status_code == 403
