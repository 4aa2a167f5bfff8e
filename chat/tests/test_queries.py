"""Lists cost a fixed number of queries, however long they are."""

import pytest
from django.test import Client

from agents.messages import AssistantMessage, ToolCall
from agents.models import Agent
from chat.models import ApiKey, Run
from chat.models import ToolCall as ToolCallRow
from chat.tests.rows import make_conversation, make_run, make_user

pytestmark = pytest.mark.django_db
LOCAL = {"host": "localhost"}


@pytest.fixture
def alice():
    user = make_user()
    _, key = ApiKey.objects.issue(user.pk, scopes=["chat", "agents"])
    client = Client(headers={**LOCAL, "authorization": f"Bearer {key}"})
    client.user = user
    client.get("/agents")  # the use of the key is noted once
    return client


def count_queries(client, path: str, django_assert_max_num_queries) -> int:
    with django_assert_max_num_queries(20) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def answered(conversation) -> Run:
    turns = [AssistantMessage(content="Let me see.", tool_calls=(ToolCall("c0", "calculate"),))]
    run = make_run(
        conversation,
        content="Let me see.",
        turns=[{"role": "assistant", "content": turns[0].content, "tool_calls": [{"id": "c0", "name": "calculate"}]}],
        status=Run.Status.COMPLETED,
    )
    ToolCallRow.objects.create(run=run, call_id="c0", name="calculate", status="completed")
    return run


def test_more_conversations_cost_no_more_queries(alice, django_assert_max_num_queries):
    answered(make_conversation(alice.user))
    few = count_queries(alice, "/conversations", django_assert_max_num_queries)
    for _ in range(20):
        answered(make_conversation(alice.user))
    assert count_queries(alice, "/conversations", django_assert_max_num_queries) == few <= 4
    assert count_queries(alice, "/conversations?search=hello", django_assert_max_num_queries) <= 4


def test_more_messages_cost_no_more_queries(alice, django_assert_max_num_queries):
    conversation = make_conversation(alice.user)
    path = f"/conversations/{conversation.pk}/messages"
    answered(conversation)
    few = count_queries(alice, path, django_assert_max_num_queries)
    for _ in range(20):
        answered(conversation)
    assert count_queries(alice, path, django_assert_max_num_queries) == few <= 6
    assert len(alice.get(path).json()["results"]) == 42


def test_more_agents_cost_no_more_queries(alice, django_assert_max_num_queries):
    few = count_queries(alice, "/agents", django_assert_max_num_queries)
    for number in range(20):
        agent = Agent.objects.create(slug=f"agent{number}")
        agent.tools.set(Agent.objects.get(slug="default").tools.all())
    assert count_queries(alice, "/agents", django_assert_max_num_queries) == few <= 4


BAD_LIMITS = ["0", "201", "-1", "x", "", "1.5", "1e2", "%00", "٣", "9" * 400]
BAD_CURSORS = ["x", "%00", "cD0x", "A" * 5000, "é", "bz0tMQ%3D%3D", "cD1hJm89Yg%3D%3D", "cD0AAA%3D%3D"]


@pytest.mark.parametrize("query", [f"limit={x}" for x in BAD_LIMITS] + [f"cursor={x}" for x in BAD_CURSORS])
def test_a_page_that_cannot_be_is_refused(alice, query):
    conversation = make_conversation(alice.user)
    for path in ("/conversations", f"/conversations/{conversation.pk}/messages"):
        answer = alice.get(f"{path}?{query}")
        if answer.status_code == 200:  # a cursor may point anywhere, but then it points at nothing wrong
            assert query.startswith("cursor=")
            assert answer.json()["next"] is None
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("query", ["search=" + "x" * 5000, "search=%00", "search=%25_%5C", "search=é🎉", "unknown=1",
                                   "search=a&search=b", "&&&", "limit=1&limit=2", "search=%FF%FE"])  # fmt: skip
def test_odd_queries_are_answered(alice, query):
    make_conversation(alice.user, title="hello")
    assert alice.get(f"/conversations?{query}").status_code == 200
