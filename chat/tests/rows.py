"""Rows for tests: a person, a conversation, and a run that some process owns."""

import uuid
from datetime import timedelta
from typing import Any

import msgspec
from django.contrib.auth import get_user_model
from django.db.models.functions import Now
from django.utils import timezone

from agents.models import Agent
from agents.statements import Cursor
from chat.journal.rows import store_event
from chat.models import Conversation, Message, Run


def make_user(name: str = "alice", **fields: Any) -> Any:
    users = get_user_model().objects
    return users.filter(username=name).first() or users.create_user(name, **fields)


def make_conversation(owner: Any, *, agent: Agent | None = None, **fields: Any) -> Conversation:
    agent = agent or Agent.objects.get(slug="default")
    return Conversation.objects.create(owner=owner, agent=agent, agent_name=agent.slug, **fields)


def make_run(
    conversation: Conversation, *, question: str = "Hello", content: str = "", turns: Any = (), **fields: Any
) -> Run:
    """A run with its two messages; `running` and owned by nobody in particular unless fields say otherwise."""
    agent = conversation.agent or Agent.objects.get(slug="default")
    asked = Message.objects.create(
        conversation=conversation, parent_id=conversation.head_id, role=Message.Role.USER, content=question
    )
    answer = Message.objects.create(
        conversation=conversation, parent=asked, role=Message.Role.ASSISTANT, content=content, turns=list(turns)
    )
    conversation.head = answer
    conversation.save()
    values: dict[str, Any] = {
        "status": Run.Status.RUNNING,
        "owner": uuid.uuid4(),
        "lease_until": Now() + timedelta(seconds=60),
        "config": msgspec.to_builtins(agent.config()),
    }
    if fields.get("status") in {Run.Status.COMPLETED, Run.Status.FAILED, Run.Status.CANCELLED}:
        values |= {"lease_until": None, "finished_at": timezone.now()}
    return Run.objects.create(
        conversation=conversation,
        question=asked,
        answer=answer,
        caller=conversation.owner,
        agent_name=conversation.agent_name,
        model="scripted",
        **{**values, **fields},
    )


def tell(run: Run, *events: Any) -> None:
    """Store events as the run's next ones."""
    for seq, event in enumerate(events, run.last_seq() + 1):
        store_event(Cursor(), run.pk, seq, event)
