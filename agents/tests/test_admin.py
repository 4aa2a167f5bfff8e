"""Agents in the admin."""

import pytest
from django.urls import reverse

from agents.models import DEFAULT_AGENT, Agent

LIST = "/admin/agents/agent/"
FORM = {
    "slug": "helper",
    "name": "Helper",
    "description": "Helps.",
    "instructions": "Help.",
    "provider": "default",
    "model": "",
    "model_settings": "{}",
    "max_rounds": "",
    "tools": [],
    "max_parallel_tools": "5",
    "tool_call_timeout": "30",
    "is_active": "on",
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def default() -> Agent:
    return Agent.objects.get(slug=DEFAULT_AGENT)


def page(agent: Agent, what: str = "change") -> str:
    return reverse(f"admin:agents_agent_{what}", args=[agent.pk])


def test_the_list_shows_what_answers_and_where_to_try_it(alice):
    text = alice.get(LIST).text
    assert '<a href="/?agent=default">Chat with Assistant</a>' in text
    assert '<td class="field-model_in_use">demo</td>' in text
    assert '<td class="field-tool_count">5</td>' in text


def test_more_agents_cost_no_more_queries(alice, django_assert_max_num_queries):
    for number in range(5):
        Agent.objects.create(slug=f"agent-{number}")
    with django_assert_max_num_queries(9):
        alice.get(LIST)


def test_an_agent_is_made_and_changed(alice):
    assert "Save the agent first." in alice.get(reverse("admin:agents_agent_add")).text
    assert alice.post(reverse("admin:agents_agent_add"), FORM).status_code == 302
    helper = Agent.objects.get(slug="helper")
    assert (
        alice.post(page(helper), FORM | {"slug": "aide", "model_settings": '{"temperature": 0.2}'}).status_code == 302
    )
    helper.refresh_from_db()
    assert (helper.slug, helper.model_settings) == ("aide", {"temperature": 0.2})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"provider": "nowhere"}, "There is no provider &#x27;nowhere&#x27;"),
        ({"model_settings": '{"temprature": 1}'}, "temprature: Extra inputs are not permitted."),
        ({"slug": "no spaces"}, "Use letters, digits, - and _"),
        ({"tool_call_timeout": "0"}, "greater than or equal to 0.1"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(alice, change, complaint):
    response = alice.post(reverse("admin:agents_agent_add"), FORM | change)
    assert response.status_code == 200
    assert complaint in response.text
    assert not Agent.objects.filter(name="Helper").exists()


def test_the_default_agent_keeps_its_name(alice, default):
    assert 'name="slug"' not in alice.get(page(default)).text
    assert alice.post(page(default), FORM).status_code == 302
    default.refresh_from_db()
    assert (default.slug, default.name) == ("default", "Helper")


def test_the_default_agent_is_not_deleted_alone_or_among_others(alice, default):
    other = Agent.objects.create(slug="other")
    assert alice.post(page(default, "delete"), {"post": "yes"}).status_code == 403
    both = {"action": "delete_selected", "_selected_action": [default.pk, other.pk], "post": "yes"}
    assert alice.post(LIST, both).status_code == 403
    assert Agent.objects.count() == 2


def test_other_agents_are_deleted(alice):
    other = Agent.objects.create(slug="other")
    assert alice.post(page(other, "delete"), {"post": "yes"}).status_code == 302
    assert not Agent.objects.filter(slug="other").exists()


def test_people_without_rights_see_nothing(bob):
    assert bob.get(LIST).status_code == 302
