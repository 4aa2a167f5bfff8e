"""The audit log: who did what is told, no secret is, and nobody rewrites it."""

import json

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

from agents.models import Agent
from chat.access import ALL_SCOPES, Caller
from chat.admin import ConversationAdmin
from chat.audit import Action, record
from chat.audit.record import kind_of
from chat.exceptions import AppendOnly
from chat.models import ApiKey, AuditEntry, Run, ToolCall
from chat.models.audit import CUT, FORGOTTEN, Via
from chat.tests.rows import make_conversation, make_run, make_user
from tools.changes import TellsChanges
from tools.models import Tool

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"
SECRET = "do not tell anybody"
ALICE = Caller(7, "alice", ALL_SCOPES, "key", "0123abcd")


@pytest.fixture
def root(client, django_user_model):
    """The client of an administrator, whose own sign-in is not in the log."""
    client.defaults |= {"HTTP_HOST": "localhost", "HTTP_X_REQUEST_ID": "asked-by-root", "REMOTE_ADDR": "192.0.2.7"}
    client.force_login(django_user_model.objects.create_superuser("root", password=PASSWORD))
    return client


def entries(action: Action) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("id"))


def only(action: Action) -> AuditEntry:
    [entry] = entries(action)
    return entry


def test_an_entry_says_who_how_from_where_and_what(rf, django_user_model):
    request = rf.get("/", HTTP_X_FORWARDED_FOR="203.0.113.9, 10.0.0.1", REMOTE_ADDR="10.0.0.2")
    request.caller, request.request_id = ALICE, "r1"
    call = ToolCall.objects.create(run=make_run(make_conversation(make_user())), call_id="c0", name="pay")
    record(Action.TOOL_CALL_DECIDED, by=request, of=call, decision="failed", run=str(call.run_id))
    entry = only(Action.TOOL_CALL_DECIDED)
    assert (entry.actor, entry.user_id, entry.via, entry.key_prefix) == ("alice", 7, Via.KEY, "0123abcd")
    assert (entry.object_kind, entry.object_id) == ("tool_call", str(call.pk))
    assert entry.details == {"decision": "failed", "run": str(call.run_id)}
    assert (entry.peer, entry.forwarded_for, entry.request_id) == ("10.0.0.2", "203.0.113.9, 10.0.0.1", "r1")


def test_without_a_request_it_was_a_command_and_a_caller_is_enough():
    record(Action.USER_EXPORTED)
    record(Action.AUDIT_EXPORTED, by=ALICE)
    assert (only(Action.USER_EXPORTED).via, only(Action.USER_EXPORTED).actor) == (Via.COMMAND, "")
    assert only(Action.AUDIT_EXPORTED).actor == "alice"


def test_long_details_are_cut():
    record(Action.USER_EXPORTED, text="x" * 1000, fields=["y" * 1000], count=3)
    details = only(Action.USER_EXPORTED).details
    assert details == {"text": "x" * CUT, "fields": ["y" * CUT], "count": 3}


def test_entries_are_neither_changed_nor_deleted():
    entry = record(Action.USER_EXPORTED)
    entry.actor = "somebody else"
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="x"),
        lambda: AuditEntry.objects.bulk_update([entry], ["actor"]),
        lambda: AuditEntry.objects.update_or_create(pk=entry.pk, defaults={"actor": "x"}),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert only(Action.USER_EXPORTED).actor == ""


def test_whoever_is_deleted_is_forgotten_by_name_and_address(rf):
    request = rf.get("/")
    request.caller = ALICE
    record(Action.SIGNED_IN, by=request)
    record(Action.SIGNED_IN, by=Caller(8, "bob", ALL_SCOPES, "session"))
    assert AuditEntry.objects.anonymise(7) == 1
    mine, other = entries(Action.SIGNED_IN)
    assert (mine.actor, mine.peer, mine.user_id) == (FORGOTTEN, "", 7)
    assert other.actor == "bob"


def sign_in(client, username: str, password: str):
    return client.post(reverse("login"), {"username": username, "password": password}, HTTP_HOST="localhost")


def test_signing_in_failing_to_and_signing_out_are_told(client):
    alice = make_user("alice", password=PASSWORD)
    assert sign_in(client, "alice", "wrong").status_code == 200
    assert sign_in(client, "alice", PASSWORD).status_code == 302
    client.post(reverse("logout"), HTTP_HOST="localhost")
    told = list(AuditEntry.objects.order_by("id"))
    assert [(entry.action, entry.object_id) for entry in told] == [
        ("sign_in_failed", str(alice.pk)),
        ("signed_in", str(alice.pk)),
        ("signed_out", str(alice.pk)),
    ]
    assert [(entry.actor, entry.via) for entry in told] == [("", "nothing"), ("alice", "session"), ("alice", "session")]
    assert all(entry.peer == "127.0.0.1" and entry.request_id for entry in told)
    assert_untold("wrong", PASSWORD)


def test_a_name_that_nobody_has_is_not_kept(client):
    for name in (SECRET, "nul\x00"):
        sign_in(client, name, "x")
    assert {entry.object_id for entry in entries(Action.SIGN_IN_FAILED)} == {""}
    assert_untold(SECRET)


def assert_untold(*texts: str) -> None:
    """No entry holds any of these texts."""
    for row in AuditEntry.objects.all():
        for text in texts:
            assert text not in str(row.as_dict())


def test_keys_made_changed_revoked_and_deleted_are_told(root, capsys):
    call_command("create_api_key", "alice", "--scope", "chat", "--expires-days", "3")
    key = ApiKey.objects.get()
    made = only(Action.API_KEY_CREATED)
    assert (made.via, made.object_id) == ("command", key.prefix)
    assert made.details == {"owner_id": key.user_id, "scopes": ["chat"], "days": 3}
    assert only(Action.USER_CREATED).object_id == str(key.user_id)
    page = reverse("admin:chat_apikey_change", args=[key.pk])
    assert root.post(page, {"expires_at_0": "2027-01-01", "expires_at_1": "00:00:00"}).status_code == 302
    assert only(Action.API_KEY_CHANGED).details == {"fields": ["expires_at"]}
    for _ in range(2):
        root.post(reverse("admin:chat_apikey_changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    revoked = only(Action.API_KEY_REVOKED)
    assert (revoked.actor, revoked.via, revoked.object_id) == ("root", "session", key.prefix)
    assert (revoked.peer, revoked.request_id) == ("192.0.2.7", "asked-by-root")
    root.post(reverse("admin:chat_apikey_delete", args=[key.pk]), {"post": "yes"})
    assert only(Action.API_KEY_DELETED).object_id == key.prefix
    assert_untold(capsys.readouterr().out.strip().partition(".")[2], key.digest)


def agent_form(**fields: object) -> dict[str, object]:
    form = {"slug": "made", "name": "Made", "description": "", "is_active": "on", "instructions": "Be kind.",
            "provider": "default", "model": "", "model_settings": "{}", "initial-model_settings": "{}",
            "max_rounds": "", "max_parallel_tools": 5, "tool_call_timeout": 30}  # fmt: skip
    return form | fields


def test_agents_changed_in_the_admin_are_told_by_field(root):
    root.post(reverse("admin:agents_agent_add"), agent_form())
    page = reverse("admin:agents_agent_change", args=[Agent.objects.get(slug="made").pk])
    root.post(page, agent_form(instructions=SECRET, model="other"))
    root.post(reverse("admin:agents_agent_delete", args=[Agent.objects.get(slug="made").pk]), {"post": "yes"})
    assert only(Action.AGENT_CREATED).object_id == "made"
    assert only(Action.AGENT_CHANGED).details == {"fields": ["instructions", "model"]}
    assert only(Action.AGENT_DELETED).actor == "root"
    assert_untold(SECRET)


def test_agents_changed_over_the_api_are_told_by_field(client):
    _, text = ApiKey.objects.issue(make_user().pk, scopes=["chat", "agents"])
    client.defaults |= {"HTTP_HOST": "localhost", "HTTP_AUTHORIZATION": f"Bearer {text}"}

    def send(method: str, **body: object) -> int:
        return client.generic(method, "/agents/made", json.dumps(body), "application/json").status_code

    assert send("POST") == 201
    assert send("PATCH", instructions=SECRET, tools=["calculate"]) == 200
    assert send("PATCH", instructions=SECRET) == 200  # changes nothing
    assert send("PATCH", provider="elsewhere") == 400
    assert send("PUT", instructions=SECRET, tools=["calculate"], max_rounds=3) == 200
    assert send("DELETE") == 204
    made = only(Action.AGENT_CREATED)
    assert (made.actor, made.via, made.key_prefix) == ("alice", "key", text.partition(".")[0])
    assert [entry.details["fields"] for entry in entries(Action.AGENT_CHANGED)] == [
        ["instructions", "tools"],
        ["max_rounds"],
    ]
    assert only(Action.AGENT_DELETED).object_id == "made"
    assert_untold(SECRET, text.partition(".")[2])


def test_tools_changed_in_the_list_and_on_their_page_are_told(root):
    tool = Tool.objects.get(name="calculate")
    page = reverse("admin:tools_tool_change", args=[tool.pk])
    root.post(page, {"enabled": "on", "timeout": "5", "requires_approval": "", "replay": ""})
    rows = Tool.objects.order_by("pk")
    form = {"form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": len(rows), "_save": "Save"}
    for number, row in enumerate(root.get(reverse("admin:tools_tool_changelist")).context["cl"].result_list):
        form[f"form-{number}-id"] = row.pk
        if row.name != "calculate":
            form[f"form-{number}-enabled"] = "on"
    root.post(reverse("admin:tools_tool_changelist"), form)
    on_page, in_list = entries(Action.TOOL_CHANGED)
    assert (on_page.object_id, on_page.details) == ("calculate", {"fields": ["timeout"]})
    assert (in_list.object_id, in_list.details) == ("calculate", {"fields": ["enabled"]})


def test_rights_given_in_the_admin_are_told(root):
    bob = make_user("bob")
    page = reverse("admin:auth_user_change", args=[bob.pk])
    form = {"username": "bob", "is_active": "on", "is_staff": "on", "date_joined_0": "2026-01-01",
            "date_joined_1": "00:00:00"}  # fmt: skip
    assert root.post(page, form).status_code == 302
    assert "is_staff" in only(Action.USER_CHANGED).details["fields"]
    root.post(reverse("admin:auth_group_add"), {"name": "helpers"})
    assert only(Action.GROUP_CREATED).object_id == str(Group.objects.get().pk)
    assert root.post(reverse("admin:auth_user_delete", args=[bob.pk]), {"post": "yes"}).status_code == 403


def test_no_page_of_the_admin_changes_rows_in_silence(root, rf):
    request = rf.get("/")
    request.user = get_user_model().objects.get(username="root")
    for model, pages in admin.site._registry.items():
        may = {
            "created": pages.has_add_permission(request),
            "changed": pages.has_change_permission(request),
            "deleted": pages.has_delete_permission(request),
        }
        for what in (what for what, allowed in may.items() if allowed):
            assert isinstance(pages, (TellsChanges, ConversationAdmin)), model
            assert f"{kind_of(model())}_{what}" in Action, model


def test_looks_at_what_others_say_are_told(root, django_user_model):
    run = make_run(make_conversation(make_user(), title=SECRET), question=SECRET, status=Run.Status.COMPLETED)
    root.get(reverse("admin:chat_conversation_change", args=[run.conversation_id]))
    root.get(reverse("admin:chat_run_change", args=[run.pk]))
    looked = only(Action.CONVERSATION_VIEWED)
    assert (looked.actor, looked.object_id) == ("root", str(run.conversation_id))
    assert looked.details == {"owner_id": run.caller_id}
    assert only(Action.RUN_VIEWED).object_id == str(run.pk)
    delete = reverse("admin:chat_conversation_delete", args=[run.conversation_id])
    root.get(delete)  # lists the messages
    assert len(entries(Action.CONVERSATION_VIEWED)) == 2
    root.post(delete, {"post": "yes"})
    assert only(Action.CONVERSATION_DELETED).object_id == str(run.conversation_id)
    assert_untold(SECRET)


def test_looks_at_ones_own_and_looks_that_are_refused_are_not(root, client, django_user_model):
    mine = make_conversation(django_user_model.objects.get(username="root"))
    root.get(reverse("admin:chat_conversation_change", args=[mine.pk]))
    client.force_login(make_user("bob", is_staff=True))
    assert client.get(reverse("admin:chat_conversation_change", args=[mine.pk])).status_code == 403
    assert entries(Action.CONVERSATION_VIEWED) == []
