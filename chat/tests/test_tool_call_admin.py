"""Tool calls in the admin: what a crash has left open is found there, and decided by whoever may."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from chat.models import AuditEntry, Run, ToolCall
from chat.models.tool_call import LOST
from chat.tests.rows import make_conversation, make_run, make_user

pytestmark = pytest.mark.django_db
LIST = reverse("admin:chat_toolcall_changelist")
RUNS = reverse("admin:chat_run_changelist")
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def root(client, django_user_model):
    """The client of an administrator."""
    client.defaults["HTTP_HOST"] = "localhost"
    client.force_login(django_user_model.objects.create_superuser("root", password="root-password"))
    return client


def make_call(name: str = "calculate", *, run_status: str = Run.Status.COMPLETED, **fields) -> ToolCall:
    run = make_run(make_conversation(make_user()), status=run_status)
    values = {"status": ToolCall.Status.OUTCOME_UNKNOWN, "arguments": {"expression": EVIL}, "error": LOST} | fields
    return ToolCall.objects.create(run=run, call_id="c0", name=name, **values)


def choose(root, action: str, *calls: ToolCall, **fields: str):
    return root.post(LIST, {"action": action, "_selected_action": [call.pk for call in calls], **fields}, follow=True)


@pytest.mark.parametrize(
    ("decision", "status"), [("happened", "completed"), ("not_happened", "failed"), ("run_again", "pending")]
)
def test_a_decision_is_asked_for_once_more_then_made_and_recorded(root, decision, status):
    call, untouched = make_call(), make_call()
    asked = choose(root, decision, call)
    assert call.name in asked.text
    assert "{&quot;expression&quot;: " in asked.text
    assert EVIL not in asked.text
    call.refresh_from_db()
    assert call.status == "outcome_unknown"
    assert "1 decided" in choose(root, decision, call, confirmed="yes").text
    call.refresh_from_db()
    untouched.refresh_from_db()
    assert (call.status, call.decision, call.decided_by.username) == (status, decision, "root")
    assert untouched.status == "outcome_unknown"
    entry = AuditEntry.objects.get(action="tool_call_decided")
    assert (entry.actor, entry.object_id, entry.details["decision"]) == ("root", str(call.pk), decision)


def test_calls_that_cannot_be_decided_are_left_and_named(root):
    known, active = make_call(status="completed"), make_call(run_status=Run.Status.RUNNING)
    assert "None of these calls waits" in choose(root, "happened", known, active).text
    answer = choose(root, "happened", known, active, make_call(), confirmed="yes").text
    assert "1 decided" in answer
    assert "nothing to decide" in answer
    assert "still active" in answer


def test_a_calls_page_shows_what_it_was_and_leads_to_a_decision(root):
    call = make_call(content="what the model reads")
    page = root.get(reverse("admin:chat_toolcall_change", args=[call.pk])).text
    for shown in ("It happened", "It did not", "Run again", "what the model reads", "&lt;script&gt;"):
        assert shown in page
    assert EVIL not in page
    ToolCall.objects.update(status="completed")
    assert "It did not" not in root.get(reverse("admin:chat_toolcall_change", args=[call.pk])).text
    assert AuditEntry.objects.filter(action="run_viewed", object_id=str(call.run_id)).count() == 2


def test_the_list_of_runs_says_how_many_calls_wait_and_a_run_leads_to_its_calls(root):
    assert "for a decision" not in root.get(RUNS).text
    call = make_call()
    assert "1 tool call waits for a decision" in root.get(RUNS).text
    make_call(run_status=Run.Status.FAILED)
    make_call(run_status=Run.Status.RUNNING)
    assert "2 tool calls wait for a decision" in root.get(RUNS).text
    page = root.get(reverse("admin:chat_run_change", args=[call.run_id])).text
    assert reverse("admin:chat_toolcall_change", args=[call.pk]) in page


@pytest.mark.parametrize("words", ["place_ord", "apple", "{run}"])
def test_calls_are_found_by_name_arguments_and_run(root, words):
    call = make_call("place_order", arguments={"product": "apple"})
    make_call()
    found = root.get(LIST, {"q": words.format(run=call.run_id)}).text
    assert "1 tool call" in found
    assert "place_order" in found


def test_the_list_needs_few_queries_however_long(root, django_assert_max_num_queries):
    make_call()
    with django_assert_max_num_queries(12) as few:
        assert root.get(LIST, {"status__exact": "outcome_unknown"}).status_code == 200
    for _ in range(10):
        make_call()
    with django_assert_max_num_queries(len(few)):
        assert root.get(LIST, {"status__exact": "outcome_unknown"}).status_code == 200


def test_staff_who_may_only_look_decide_nothing(client, django_user_model):
    client.defaults["HTTP_HOST"] = "localhost"
    bob = django_user_model.objects.create_user("bob", password="bob-password", is_staff=True)
    client.force_login(bob)
    call = make_call()
    assert client.get(LIST).status_code == 403
    bob.user_permissions.add(Permission.objects.get(codename="view_toolcall"))
    bob.user_permissions.add(Permission.objects.get(codename="view_run"))
    page = client.get(reverse("admin:chat_toolcall_change", args=[call.pk]))
    assert (page.status_code, "It did not" in page.text) == (200, False)
    choose(client, "happened", call, confirmed="yes")
    call.refresh_from_db()
    assert call.status == "outcome_unknown"


def test_calls_are_not_made_up_changed_or_deleted(root):
    call = make_call()
    assert root.get(reverse("admin:chat_toolcall_add")).status_code == 403
    assert root.post(reverse("admin:chat_toolcall_change", args=[call.pk]), {"status": "failed"}).status_code == 403
    assert root.post(reverse("admin:chat_toolcall_delete", args=[call.pk]), {"post": "yes"}).status_code == 403
