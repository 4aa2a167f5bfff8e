"""Budgets at work: tokens are set aside when a run starts, again before each further turn, and settled at its end."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents.errors import ErrorCode, RunFailed
from agents.messages import ModelMessage, SystemMessage
from agents.transcript import Transcript, estimated_tokens
from chat.exceptions import Refused
from chat.models import Budget, Reservation, Run
from chat.models.budget import OverBudget

ANSWER_TOKENS = 1000  # set aside for an answer whose agent has no limit of its own
COME_BACK = 5.0  # seconds, where other runs may let go of what they have set aside


def set_aside(run: Run, budgets: Iterable[Budget], history: list[ModelMessage]) -> None:
    """Set aside what the run's first turn may need. Raises Refused."""
    config = run.agent_config
    needed = estimated_tokens([SystemMessage(config.instructions), *history]) + answer_tokens(config.settings)
    try:
        Reservation.objects.make(run.pk, run.caller_id, budgets, needed)
    except OverBudget as over:
        raise _refused(over) from None


def set_aside_more(run_id: uuid.UUID, transcript: Transcript, settings: dict[str, Any]) -> None:
    """See that what a run has used, and its next turn, are set aside. Raises RunFailed."""
    used = transcript.usage.input_tokens + transcript.usage.output_tokens
    needed = used + estimated_tokens(transcript.messages) + answer_tokens(settings)
    try:
        with transaction.atomic():
            Reservation.objects.extend(run_id, needed)
    except OverBudget as over:
        raise RunFailed(ErrorCode.BUDGET_EXCEEDED, _message(over)) from None


def answer_tokens(settings: dict[str, Any]) -> int:
    """How long one turn may become, by the agent's model settings."""
    limits = [settings.get(name) for name in ("max_completion_tokens", "max_tokens")]
    return min([limit for limit in limits if isinstance(limit, int)], default=ANSWER_TOKENS)


def _message(over: OverBudget) -> str:
    counter = over.counter
    return (
        f"This needs about {over.needed} tokens; the budget of {counter.budget.tokens} a {counter.budget.period} has"
        f" {counter.remaining} left. It begins anew at {counter.resets_at:%Y-%m-%d %H:%M} UTC."
    )


def _refused(over: OverBudget) -> Refused:
    counter = over.counter
    is_used_up = counter.used + over.needed > counter.budget.tokens
    wait = (counter.resets_at - timezone.now()).total_seconds() if is_used_up else COME_BACK
    details = {
        "budget": counter.budget.tokens,
        "subject": counter.budget.subject,
        "period": counter.budget.period,
        "used": counter.used,
        "reserved": counter.reserved,
        "needed": over.needed,
        "resets_at": counter.resets_at.isoformat().replace("+00:00", "Z"),
    }
    return Refused(ErrorCode.BUDGET_EXCEEDED, _message(over), details=details, retry_after=max(1.0, wait))
