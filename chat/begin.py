"""The start of a run: the person's message, the run and its first event, stored in one transaction."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from agents.errors import ErrorCode
from agents.events import RunStarted
from agents.messages import ModelMessage
from agents.models import DEFAULT_AGENT, Agent, is_slug
from agents.statements import database_time, db_key, insert, load, update
from chat.access import Caller
from chat.budgets import set_aside
from chat.exceptions import NeedsOwnTransaction, Refused, not_found
from chat.history import load_history
from chat.ids import parse_id
from chat.journal.live_run import Entry
from chat.journal.rows import store_event
from chat.models import Allowance, Budget, Conversation, Message, Run
from chat.models.allowance import Left
from chat.models.run import ACTIVE
from chat.requests import ChatRequest
from tools.base import Tool


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
    if idempotency_key:
        earlier = _earlier(caller, idempotency_key)
        if earlier is not None:
            return Begun(_same_request(earlier, request), Allowance.objects.left(caller.user_id), attached=True)
    left = _take_message(caller)
    try:
        begun = _begin(caller, request, left, alone=alone, owner=owner, lease=lease, idempotency_key=idempotency_key)
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


def _begin(caller: Caller, request: ChatRequest, left: Left, *, alone: bool, **ownership: Any) -> Begun:
    _check_slots(caller)
    conversation, agent = _conversation_and_agent(caller, request)
    if not conversation._state.adding:
        _check_not_busy(conversation)
    budgets = Budget.objects.applying_to(caller.user_id, agent.pk)
    if budgets and not alone:
        raise NeedsOwnTransaction
    tools = agent.runnable_tools()
    run = _make_run(caller, request, conversation, agent, tools, budgeted=bool(budgets), **ownership)
    history = load_history(conversation)
    if budgets:
        set_aside(run, budgets, history)
    return Begun(run, left, first=[_first_event(run)], history=history, tools=tools)


def _make_run(
    caller: Caller,
    request: ChatRequest,
    conversation: Conversation,
    agent: Agent,
    tools: tuple[Tool, ...],
    *,
    budgeted: bool,
    owner: uuid.UUID,
    lease: timedelta,
    idempotency_key: str,
) -> Run:
    config = agent.config(tools, instructions=request.instructions, parallel_tools=request.parallel_tools)
    question, answer = _add_messages(conversation, request)
    run = Run(
        conversation=conversation,
        question=question,
        answer=answer,
        caller_id=caller.user_id,
        agent_name=agent.slug,
        model=config.model,
        config=msgspec.to_builtins(config),
        status=Run.Status.RUNNING,
        owner=owner,
        idempotency_key=idempotency_key,
        request_digest=request.digest(),
        budgeted=budgeted,
    )
    insert(run, lease_until=database_time(plus=lease))
    return run


def _same_request(earlier: Run, request: ChatRequest) -> Run:
    if earlier.request_digest != request.digest():
        raise Refused(
            ErrorCode.IDEMPOTENCY_MISMATCH,
            "This Idempotency-Key was used for another request: use a new key for a new message.",
            details={"run_id": str(earlier.pk)},
        )
    return earlier


def _take_message(caller: Caller) -> Left:
    """Take one message from what the caller may send. Raises Refused."""
    taken, left = Allowance.objects.take(caller.user_id)
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


def _check_slots(caller: Caller) -> None:
    """At most so many runs at once, per caller. Raises Refused."""
    held = Run.objects.slots_of(caller.user_id)
    if held >= settings.MAX_CONCURRENT_RUNS:
        raise Refused(
            ErrorCode.RATE_LIMITED,
            f"{held} of your runs are active; at most {settings.MAX_CONCURRENT_RUNS} may be"
            " (MAX_CONCURRENT_RUNS). Wait for one to end, or cancel one.",
            retry_after=1,
        )


def _conversation_and_agent(caller: Caller, request: ChatRequest) -> tuple[Conversation, Agent]:
    """Where the message goes, and who answers it. A conversation that begins with it is not stored yet."""
    named = None if request.conversation_id is None else _find_conversation(caller, request.conversation_id)
    agent = find_agent(request.agent_name or (named.agent_name if named else DEFAULT_AGENT))
    if named is not None and not request.reset_history:
        return named, agent
    current = _current_conversation(caller, agent)
    if current is not None and not request.reset_history:
        return current, agent
    if current is not None:
        update(Conversation, current.pk, is_current=False)  # it stays listed
    return Conversation(owner_id=caller.user_id, agent=agent, agent_name=agent.slug, is_current=True), agent


def _find_conversation(caller: Caller, conversation_id: str) -> Conversation:
    key = parse_id(conversation_id)
    found = _load_locked("id = %s AND owner_id = %s", db_key(key), caller.user_id) if key else []
    if not found:
        raise not_found("conversation")
    return found[0]


def _current_conversation(caller: Caller, agent: Agent) -> Conversation | None:
    current = _load_locked("owner_id = %s AND agent_name = %s AND is_current", caller.user_id, agent.slug)
    return current[0] if current else None


def _load_locked(condition: str, *parameters: Any) -> list[Conversation]:
    """Conversations that nobody deletes before this start is stored. Deleted ones are not found."""
    lock = " FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""
    return load(Conversation, condition + lock, *parameters)


def _check_not_busy(conversation: Conversation) -> None:
    """One run at a time in a conversation. Raises Refused."""
    for busy in load(Run, f"conversation_id = %s AND {ACTIVE}", db_key(conversation.pk)):
        raise Refused(
            ErrorCode.CONVERSATION_BUSY,
            "The agent is still answering in this conversation: wait for it, or cancel the run.",
            details={"run_id": str(busy.pk), "conversation_id": str(conversation.pk)},
        )


def find_agent(slug: str) -> Agent:
    """The active agent of that name. Raises Refused."""
    agent = next(iter(load(Agent, "slug = %s", slug)), None) if is_slug(slug) else None
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


def _add_messages(conversation: Conversation, request: ChatRequest) -> tuple[Message, Message]:
    """Store the question and an empty answer to it, which becomes the conversation's head."""
    begins = conversation._state.adding
    question = Message(conversation=conversation, role=Message.Role.USER, content=request.message)
    question.parent_id = conversation.head_id
    answer = Message(conversation=conversation, parent=question, role=Message.Role.ASSISTANT)
    if not conversation.title:
        conversation.entitle(request.message)
    conversation.head_id = answer.pk
    if begins:
        insert(conversation)
    else:
        changed = {"head_id": answer.pk, "title": conversation.title, "updated_at": timezone.now()}
        update(Conversation, conversation.pk, **changed)
    insert(question, answer)
    return question, answer


def _first_event(run: Run) -> Entry:
    event = RunStarted(
        run_id=str(run.pk),
        conversation_id=str(run.conversation_id),
        agent_name=run.agent_name,
        model=run.model,
    )
    return store_event(run.pk, 1, event)
