"""The start of a run: the person's message, the run and its first event, stored in one transaction."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from agents.config import AgentConfig
from agents.errors import ErrorCode
from agents.events import RunStarted
from agents.messages import ModelMessage, UserMessage
from agents.models import DEFAULT_AGENT, Agent, is_slug
from agents.statements import Cursor, made
from chat.access import Caller
from chat.budgets import set_aside
from chat.exceptions import NeedsOwnTransaction, Refused, not_found
from chat.history import load_history
from chat.ids import new_id, parse_id
from chat.journal.live_run import Entry
from chat.journal.rows import store_event
from chat.models import Allowance, Budget, Conversation, Message, Run
from chat.models.allowance import Left
from chat.models.conversation import title_of
from chat.models.run import ACTIVE
from chat.requests import ChatRequest
from tools.base import Tool

# What a start reads of an agent: times cost more to read than all the rest.
AGENT_FIELDS = ("slug", "name", "instructions", "provider", "model", "model_settings", "max_parallel_tools",
                "tool_call_timeout", "max_rounds", "allow_instructions", "is_active")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that has just been stored, or (`attached`) one that was there for the same idempotency key."""

    run: Run
    left: Left
    attached: bool = False
    first: list[Entry] = field(default_factory=list)
    history: list[ModelMessage] = field(default_factory=list)
    tools: tuple[Tool, ...] = ()


def begin_run(
    caller: Caller,
    request: ChatRequest,
    *,
    owner: uuid.UUID,
    lease: timedelta,
    idempotency_key: str = "",
    alone: bool = True,
) -> Begun:
    """Store the message and its run. Raises Refused, and then nothing is stored.

    `alone`: the transaction is this start's own. One that shares it raises NeedsOwnTransaction where there are budgets:
    starts of many callers lock their counters, and would wait for each other in a circle.

    A caller's starts happen one after the other, in whatever process, as each takes from the same row of allowances:
    so limits are exact, a key makes one run, and one conversation is the current one.
    """
    cursor = Cursor()
    if idempotency_key:
        earlier = _earlier(caller, idempotency_key)
        if earlier is not None:
            return Begun(_same_request(earlier, request), Allowance.left(cursor, caller.user_id), attached=True)
    left = _take_message(cursor, caller)
    try:
        begun = _Start(cursor, caller, request, left).store(
            alone=alone, owner=owner, lease=lease, idempotency_key=idempotency_key
        )
    except Refused as refused:  # then the message is not taken either
        refused.headers |= left.with_one_back().headers
        raise
    return begun


def _earlier(caller: Caller, idempotency_key: str) -> Run | None:
    """The run that this caller's key names already. On PostgreSQL another start of the same caller is waited for."""
    if connection.features.has_select_for_update:
        users = get_user_model().objects.select_for_update(no_key=True)
        users.filter(pk=caller.user_id).values_list("pk", flat=True).first()
    return Run.objects.keyed(caller.user_id, idempotency_key)


def _same_request(earlier: Run, request: ChatRequest) -> Run:
    if earlier.request_digest != request.digest():
        raise Refused(
            ErrorCode.IDEMPOTENCY_MISMATCH,
            "This Idempotency-Key was used for another request: use a new key for a new message.",
            details={"run_id": str(earlier.pk)},
        )
    return earlier


def _take_message(cursor: Cursor, caller: Caller) -> Left:
    """Take one message from what the caller may send. Raises Refused."""
    taken, left = Allowance.take(cursor, caller.user_id)
    if taken:
        return left
    refused = Refused(
        ErrorCode.RATE_LIMITED,
        f"At most {left.rate.count} messages in {left.rate.seconds} seconds are taken (RATE_LIMIT_MESSAGES)."
        " Try again later.",
        retry_after=max(1.0, left.retry_after),
    )
    refused.headers |= left.headers
    raise refused


def _find_agent(cursor: Cursor, slug: str) -> Agent:
    """The active agent of that name. Raises Refused."""
    agent = next(iter(cursor.load(Agent, "slug = %s", slug, only=AGENT_FIELDS)), None) if is_slug(slug) else None
    if agent is None:
        raise Refused(ErrorCode.AGENT_NOT_FOUND, f"There is no agent named {slug!r}. GET /agents lists them.")
    if not agent.is_active:
        raise Refused(
            ErrorCode.AGENT_DISABLED, f"The agent {slug!r} is switched off. An administrator can switch it on."
        )
    if agent.provider not in settings.MODEL_PROVIDERS:
        raise Refused(
            ErrorCode.MODEL_UNAVAILABLE,
            f"The agent's provider {agent.provider!r} is not in the server's configuration (MODEL_PROVIDERS).",
        )
    return agent


class _Place(NamedTuple):
    """Where a message goes: a conversation, or (`begins`) one that is stored with it."""

    id: uuid.UUID
    agent_name: str
    title: str = ""
    head_id: uuid.UUID | None = None
    begins: bool = False


class _Start:
    """One start at work, in the transaction at hand. Each step raises Refused."""

    def __init__(self, cursor: Cursor, caller: Caller, request: ChatRequest, left: Left) -> None:
        self.cursor = cursor
        self.caller = caller
        self.request = request
        self.left = left
        self.now = timezone.now()

    def store(self, *, alone: bool, lease: timedelta, **ownership: Any) -> Begun:
        cursor, request = self.cursor, self.request
        self._check_slots()
        place, agent = self._place_and_agent()
        if not place.begins:
            self._check_not_busy(place)
        budgets = Budget.applying_to(cursor, self.caller.user_id, agent.pk)
        if budgets and not alone:
            raise NeedsOwnTransaction
        tools = agent.runnable_tools(cursor)
        config = agent.config(tools, instructions=request.instructions, parallel_tools=request.parallel_tools)
        messages = self._store_messages(place, agent)
        run = self._store_run(config, lease, conversation_id=place.id, budgeted=bool(budgets), **messages, **ownership)
        history = self._history(place, run)
        if budgets:
            set_aside(run, budgets, history)
        return Begun(run, self.left, first=[_first_event(cursor, run)], history=history, tools=tools)

    def _check_slots(self) -> None:
        """At most so many runs at once, per caller."""
        held = Run.slots_of(self.cursor, self.caller.user_id)
        if held >= settings.MAX_CONCURRENT_RUNS:
            raise Refused(
                ErrorCode.RATE_LIMITED,
                f"{held} of your runs are active; at most {settings.MAX_CONCURRENT_RUNS} may be"
                " (MAX_CONCURRENT_RUNS). Wait for one to end, or cancel one.",
                retry_after=1,
            )

    def _place_and_agent(self) -> tuple[_Place, Agent]:
        """Where the message goes, and who answers it."""
        request = self.request
        named = None if request.conversation_id is None else self._find_conversation(request.conversation_id)
        agent = _find_agent(self.cursor, request.agent_name or (named.agent_name if named else DEFAULT_AGENT))
        if named is not None and not request.reset_history:
            return named, agent
        mine = "owner_id = %s AND agent_name = %s AND is_current"
        current = self._conversation(mine, self.caller.user_id, agent.slug)
        if current is not None and not request.reset_history:
            return current, agent
        if current is not None:
            self.cursor.update(Conversation, current.id, is_current=False)  # it stays listed
        return _Place(new_id(), agent.slug, begins=True), agent

    def _find_conversation(self, conversation_id: str) -> _Place:
        key = parse_id(conversation_id)
        asked = "id = %s AND owner_id = %s"
        found = self._conversation(asked, self.cursor.key(key), self.caller.user_id) if key else None
        if found is None:
            raise not_found("conversation")
        return found

    def _conversation(self, condition: str, *parameters: Any) -> _Place | None:
        """A conversation that nobody deletes before this start is stored. A deleted one is not found."""
        lock = " FOR NO KEY UPDATE" if self.cursor.database.features.has_select_for_update else ""
        asked = f"SELECT id, agent_name, title, head_id FROM chat_conversation WHERE {condition}{lock}"  # noqa: S608 - ours
        for key, agent_name, title, head in self.cursor.rows(asked, parameters):
            return _Place(self.cursor.uuid(key), agent_name, title, head and self.cursor.uuid(head))
        return None

    def _check_not_busy(self, place: _Place) -> None:
        """One run at a time in a conversation."""
        asked = f"SELECT id FROM chat_run WHERE conversation_id = %s AND {ACTIVE}"  # noqa: S608 - our own names
        for (busy,) in self.cursor.rows(asked, [self.cursor.key(place.id)]):
            raise Refused(
                ErrorCode.CONVERSATION_BUSY,
                "The agent is still answering in this conversation: wait for it, or cancel the run.",
                details={"run_id": str(self.cursor.uuid(busy)), "conversation_id": str(place.id)},
            )

    def _store_messages(self, place: _Place, agent: Agent) -> dict[str, uuid.UUID]:
        """Store the question and an empty answer to it, which becomes the conversation's head."""
        ids = {"question_id": new_id(), "answer_id": new_id()}
        title = place.title or title_of(self.request.message)
        changed = {"head_id": ids["answer_id"], "title": title, "updated_at": self.now}
        if place.begins:
            whose = {"owner_id": self.caller.user_id, "agent_id": agent.pk, "agent_name": agent.slug}
            begun = {"id": place.id, "is_current": True, "created_at": self.now}
            self.cursor.insert(Conversation, whose | begun | changed)
        else:
            self.cursor.update(Conversation, place.id, **changed)
        both = {"conversation_id": place.id, "created_at": self.now}
        question = {
            "id": ids["question_id"],
            "parent_id": place.head_id,
            "role": Message.Role.USER,
            "content": self.request.message,
        }
        answer = {
            "id": ids["answer_id"],
            "parent_id": ids["question_id"],
            "role": Message.Role.ASSISTANT,
            "content": "",
        }
        self.cursor.insert(Message, both | question, both | answer)
        return ids

    def _store_run(self, config: AgentConfig, lease: timedelta, **values: Any) -> Run:
        values |= {
            "id": new_id(),
            "caller_id": self.caller.user_id,
            "agent_name": config.slug,
            "model": config.model,
            "config": msgspec.to_builtins(config),
            "status": Run.Status.RUNNING,
            "request_digest": self.request.digest(),
            "created_at": self.now,
        }
        self.cursor.insert(Run, values, lease_until=self.cursor.later(lease))
        return made(Run, values)

    def _history(self, place: _Place, run: Run) -> list[ModelMessage]:
        """What the model reads: of a conversation that begins, without a look at what has just been stored."""
        if place.begins:
            return [UserMessage(self.request.message)]
        return load_history(self.cursor, place.id, run.answer_id)


def _first_event(cursor: Cursor, run: Run) -> Entry:
    event = RunStarted(
        run_id=str(run.pk),
        conversation_id=str(run.conversation_id),
        agent_name=run.agent_name,
        model=run.model,
    )
    return store_event(cursor, run.pk, 1, event)
