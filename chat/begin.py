"""The start of a run: the person's message, the run and its first event, stored in one transaction."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models.functions import Now

from agents.errors import ErrorCode
from agents.events import RunStarted
from agents.messages import ModelMessage
from agents.models import DEFAULT_AGENT, Agent
from chat.access import Caller
from chat.exceptions import Refused, not_found
from chat.history import load_history
from chat.ids import parse_id
from chat.journal.live_run import Entry
from chat.journal.rows import store_event
from chat.models import Allowance, Conversation, Message, Run
from chat.models.allowance import Left
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
    caller: Caller, request: ChatRequest, *, owner: uuid.UUID, lease: timedelta, idempotency_key: str = ""
) -> Begun:
    """Store the message and its run. Raises Refused, and then nothing is stored.

    A caller's starts happen one after the other, in whatever process, as each takes from the same row of allowances:
    so limits are exact, a key makes one run, and one conversation is the current one.
    """
    if idempotency_key:
        earlier = _earlier(caller, idempotency_key)
        if earlier is not None:
            return Begun(_same_request(earlier, request), Allowance.objects.left(caller.user_id), attached=True)
    left = _take_message(caller)
    try:
        return _begin(caller, request, left, owner=owner, lease=lease, idempotency_key=idempotency_key)
    except Refused as refused:  # then the message is not taken either
        refused.headers |= left.with_one_back().headers
        raise


def _earlier(caller: Caller, idempotency_key: str) -> Run | None:
    """The run that this caller's key names already. On PostgreSQL another start of the same caller is waited for."""
    if connection.features.has_select_for_update:
        users = get_user_model().objects.select_for_update(no_key=True)
        users.filter(pk=caller.user_id).values_list("pk", flat=True).first()
    return Run.objects.filter(caller_id=caller.user_id, idempotency_key=idempotency_key).first()


def _begin(
    caller: Caller, request: ChatRequest, left: Left, *, owner: uuid.UUID, lease: timedelta, idempotency_key: str
) -> Begun:
    _check_slots(caller)
    conversation, agent = _conversation_and_agent(caller, request)
    busy = conversation.active_run()
    if busy is not None:
        raise Refused(
            ErrorCode.CONVERSATION_BUSY,
            "The agent is still answering in this conversation: wait for it, or cancel the run.",
            details={"run_id": str(busy.pk), "conversation_id": str(conversation.pk)},
        )
    config = agent.config(instructions=request.instructions, parallel_tools=request.parallel_tools)
    question, answer = _add_messages(conversation, request)
    run = Run.objects.create(
        conversation=conversation,
        question=question,
        answer=answer,
        caller_id=caller.user_id,
        agent_name=agent.slug,
        model=config.model,
        config=msgspec.to_builtins(config),
        status=Run.Status.RUNNING,
        owner=owner,
        lease_until=Now() + lease,
        idempotency_key=idempotency_key,
        request_digest=request.digest(),
    )
    return Begun(run, left, first=[_first_event(run)], history=load_history(conversation), tools=agent.runnable_tools())


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
    held = Run.objects.slots_of(caller.user_id).count()
    if held >= settings.MAX_CONCURRENT_RUNS:
        raise Refused(
            ErrorCode.RATE_LIMITED,
            f"{held} of your runs are active; at most {settings.MAX_CONCURRENT_RUNS} may be"
            " (MAX_CONCURRENT_RUNS). Wait for one to end, or cancel one.",
            retry_after=1,
        )


def _conversation_and_agent(caller: Caller, request: ChatRequest) -> tuple[Conversation, Agent]:
    if request.conversation_id is None:
        agent = find_agent(request.agent_name or DEFAULT_AGENT)
        make = Conversation.objects.begin if request.reset_history else Conversation.objects.current
        return make(caller.user_id, agent), agent
    conversation_id = parse_id(request.conversation_id)
    owned = Conversation.objects.owned_by(caller.user_id)
    conversation = owned.filter(pk=conversation_id).first() if conversation_id else None
    if conversation is None:
        raise not_found("conversation")
    agent = find_agent(request.agent_name or conversation.agent_name)
    if request.reset_history:
        return Conversation.objects.begin(caller.user_id, agent), agent
    return conversation, agent


def find_agent(slug: str) -> Agent:
    """The active agent of that name, with its tools. Raises Refused."""
    agent = Agent.objects.prefetch_related("tools").filter(slug=slug).first()
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
    question = Message.objects.create(
        conversation=conversation, parent_id=conversation.head_id, role=Message.Role.USER, content=request.message
    )
    answer = Message.objects.create(conversation=conversation, parent=question, role=Message.Role.ASSISTANT)
    if not conversation.title:
        conversation.entitle(request.message)
    conversation.head = answer
    conversation.save(update_fields=["head", "title", "updated_at"])
    return question, answer


def _first_event(run: Run) -> Entry:
    event = RunStarted(
        run_id=str(run.pk),
        conversation_id=str(run.conversation_id),
        agent_name=run.agent_name,
        model=run.model,
    )
    return store_event(run.pk, 1, event)
