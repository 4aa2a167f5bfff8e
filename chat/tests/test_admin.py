"""The admin: what happened can be read by those who may, in few queries, and not be changed."""

import pytest
from django.urls import reverse

from agents.events import ChatChunk, ChatComplete
from agents.models import Agent
from chat.admin import EVENTS_SHOWN
from chat.models import ApiKey, Conversation, Run, ToolCall
from chat.tests.rows import make_conversation, make_run, make_user, tell

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def root(client, django_user_model):
    """The client of an administrator."""
    client.defaults["HTTP_HOST"] = "localhost"
    client.force_login(django_user_model.objects.create_superuser("root", password="root-password"))
    return client


@pytest.fixture
def run() -> Run:
    conversation = make_conversation(make_user(), title=f"Fruit {EVIL}")
    run = make_run(conversation, question=f"Hello {EVIL}", content="An apple.", status=Run.Status.COMPLETED)
    tell(run, ChatChunk(content="An apple."), ChatComplete(final_response="An apple.", total_tool_calls=1))
    ToolCall.objects.create(
        run=run, call_id="c0", name="calculate", arguments={"expression": EVIL}, result={"result": 4}
    )
    ToolCall.objects.create(run=run, call_id="c1", name="broken", error="It broke.")
    ApiKey.objects.issue(conversation.owner_id, scopes=["chat"])
    return run


@pytest.mark.parametrize("model", ["chat_conversation", "chat_run", "chat_apikey", "agents_agent", "tools_tool"])
def test_lists_render_in_few_queries_however_long(root, run, model, django_assert_max_num_queries):
    path = reverse(f"admin:{model}_changelist")
    with django_assert_max_num_queries(12) as few:
        assert root.get(path).status_code == 200
    for number in range(15):
        owner = make_user(f"user{number}")
        make_run(make_conversation(owner), status=Run.Status.FAILED, error_code="model_error")
        ApiKey.objects.issue(owner.pk, scopes=["chat"])
        Agent.objects.create(slug=f"agent{number}").tools.set(Agent.objects.get(slug="default").tools.all())
    with django_assert_max_num_queries(len(few) + 1):
        page = root.get(path)
    assert page.status_code == 200
    assert EVIL not in page.text


def test_a_run_shows_what_was_said_done_and_spent(root, run, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        text = root.get(reverse("admin:chat_run_change", args=[run.pk])).text
    assert "An apple." in text
    assert "It broke." in text
    assert "chat_complete" in text
    assert EVIL not in text
    assert "&lt;script&gt;" in text


def test_runs_are_listed_by_what_they_are_about_with_state_and_seconds(root, run):
    Run.objects.filter(pk=run.pk).update(duration_ms=1250)
    make_run(make_conversation(make_user("bob")))
    make_run(make_conversation(make_user("charlie")), status=Run.Status.FAILED, error_code="model_timeout")
    text = root.get(reverse("admin:chat_run_changelist")).text
    assert "Fruit &lt;script&gt;" in text
    assert '<span class="state state-ok">✓ Completed</span>' in text
    assert '<span class="state state-run">… Running</span>' in text
    assert '<span class="state state-bad">✗ Failed: model_timeout</span>' in text
    assert "1.2 s" in text
    assert "chat/admin.css" in text


def test_a_long_run_shows_its_first_events_and_says_so(root, run):
    tell(run, *[ChatChunk(content="x") for _ in range(EVENTS_SHOWN)])
    text = root.get(reverse("admin:chat_run_change", args=[run.pk])).text
    assert f"The first {EVENTS_SHOWN} of {EVENTS_SHOWN + 2}." in text


def test_a_conversation_shows_its_messages_and_runs(root, run, django_assert_max_num_queries):
    for _ in range(10):
        make_run(run.conversation, status=Run.Status.COMPLETED)
    with django_assert_max_num_queries(20):
        text = root.get(reverse("admin:chat_conversation_change", args=[run.conversation_id])).text
    assert "An apple." in text
    assert EVIL not in text


def test_lists_are_searched_and_filtered(root, run):
    text = root.get(reverse("admin:chat_conversation_changelist"), {"q": "fruit"}).text
    assert str(run.conversation_id) in text
    assert str(run.pk) in root.get(reverse("admin:chat_run_changelist"), {"status__exact": "completed"}).text
    assert str(run.pk) not in root.get(reverse("admin:chat_run_changelist"), {"status__exact": "failed"}).text


def test_what_happened_cannot_be_changed_or_made_up(root, run):
    assert root.get(reverse("admin:chat_run_add")).status_code == 403
    assert root.get(reverse("admin:chat_conversation_add")).status_code == 403
    assert root.post(reverse("admin:chat_run_change", args=[run.pk]), {"status": "failed"}).status_code == 403
    assert root.post(reverse("admin:chat_run_delete", args=[run.pk]), {"post": "yes"}).status_code == 403
    run.refresh_from_db()
    assert run.status == Run.Status.COMPLETED


def test_a_conversation_may_be_deleted_with_all_that_belongs_to_it(root, run):
    path = reverse("admin:chat_conversation_delete", args=[run.conversation_id])
    assert root.post(path, {"post": "yes"}).status_code == 302
    assert not Conversation.objects.filter(pk=run.conversation_id).exists()
    assert not Run.objects.filter(pk=run.pk).exists()


def test_keys_are_revoked_once_and_never_shown(root, run):
    key, text = ApiKey.objects.issue(run.caller_id, scopes=["chat"])
    path = reverse("admin:chat_apikey_changelist")
    for said in ("1 keys revoked.", "0 keys revoked."):
        answer = root.post(path, {"action": "revoke", "_selected_action": [key.pk]}, follow=True)
        assert said in answer.text
    assert ApiKey.objects.find(text) is None
    assert root.get(reverse("admin:chat_apikey_add")).status_code == 403
    shown = root.get(reverse("admin:chat_apikey_change", args=[key.pk])).text
    assert key.digest not in shown
    assert text.partition(".")[2] not in shown


def test_staff_without_permission_see_nothing(client, run, django_user_model):
    client.defaults["HTTP_HOST"] = "localhost"
    client.force_login(django_user_model.objects.create_user("bob", password="bob-password", is_staff=True))
    for model in ("chat_conversation", "chat_run", "chat_apikey"):
        assert client.get(reverse(f"admin:{model}_changelist")).status_code == 403


def agent_form(**fields: object) -> dict[str, object]:
    form = {"slug": "made", "name": "Made", "description": "", "is_active": "on", "instructions": "Be kind.",
            "provider": "default", "model": "", "model_settings": "{}", "max_rounds": "", "max_parallel_tools": 5,
            "tool_call_timeout": 30}  # fmt: skip
    return form | fields


def test_an_agent_is_made_in_the_admin(root):
    made = root.post(reverse("admin:agents_agent_add"), agent_form(model_settings='{"temperature": 0.2}'))
    assert made.status_code == 302
    assert Agent.objects.get(slug="made").model_settings == {"temperature": 0.2}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"model_settings": '{"temperature": 9}'}, "temperature"),
        ({"model_settings": '{"temprature": 1}'}, "Known settings"),
        ({"model_settings": "[]"}, "Model settings are a JSON object"),
        ({"model_settings": "{broken"}, "valid JSON"),
        ({"slug": "no spaces"}, "Use letters, digits"),
        ({"slug": "default"}, "already exists"),
        ({"provider": "https://evil.example"}, "Known providers"),
        ({"max_parallel_tools": 0}, "greater than or equal to 1"),
        ({"tool_call_timeout": 0}, "greater than or equal to 0.1"),
        ({"max_rounds": 5000}, "less than or equal to 1000"),
    ],
)
def test_the_form_of_an_agent_refuses_what_cannot_work(root, fields, says):
    answer = root.post(reverse("admin:agents_agent_add"), agent_form(**fields))
    assert answer.status_code == 200
    assert says in answer.text
    assert not Agent.objects.filter(slug="made").exists()
