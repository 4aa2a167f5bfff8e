"""Taking over runs that another process left behind, from the last step that was stored."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from agents.errors import ErrorCode
from agents.events import Error, RunResumed
from agents.messages import AssistantMessage
from agents.transcript import NOT_RUN, Transcript
from chat.history import answer_messages, load_history
from chat.journal.live_run import Entry
from chat.journal.rows import store_event
from chat.models import Run, RunEvent, ToolCall
from chat.models.run import MAX_ATTEMPTS
from tools.base import Tool
from tools.models import Tool as ToolRow

AT_ONCE = 20  # runs taken over in one transaction
VOID_WHEN_CUT = ("chat_chunk", "reasoning_chunk", "model_retry")


@dataclass(frozen=True, slots=True)
class Recovered:
    """A run that is ours now, and what is needed to go on with it."""

    run: Run
    transcript: Transcript
    base: int
    first: list[Entry]
    last_seq: int
    tools: tuple[Tool, ...]


def runnable_tools(names: tuple[str, ...]) -> tuple[Tool, ...]:
    """The tools of these names that are switched on and present."""
    return tuple(row.runnable() for row in ToolRow.objects.usable().filter(name__in=names))


def claim_abandoned(owner: uuid.UUID, lease: timedelta) -> list[Recovered]:
    """Take over runs whose lease has ended. A run that has been tried often enough fails here instead."""
    runs = Run.objects.abandoned().order_by("lease_until")
    if connection.features.has_select_for_update_skip_locked:
        runs = runs.select_for_update(skip_locked=True, no_key=True, of=("self",))
    claimed = [run for run in runs[:AT_ONCE] if run.take_over(owner, lease)]
    recovered = []
    for run in claimed:
        if run.attempt > MAX_ATTEMPTS:
            _give_up(run)
        else:
            recovered.append(_recover(run))
    return recovered


def _recover(run: Run) -> Recovered:
    tools = runnable_tools(run.agent_config.tools)
    outcomes = _settle_calls(run, tools)
    history = load_history(run.conversation)
    base = len(history) - len(answer_messages(run.answer.turns, outcomes))
    own = answer_messages(run.answer.turns, outcomes, closed=False)
    transcript = Transcript(messages=[*history[:base], *own], key=str(run.pk))
    turns = [message for message in own if isinstance(message, AssistantMessage)]
    transcript.restore_answer("\n\n".join(turn.content for turn in turns if turn.content))
    transcript.tool_calls = sum(len(turn.tool_calls) for turn in turns)
    transcript.announced = set(outcomes)
    last_seq = run.last_seq()
    event = RunResumed(attempt=run.attempt, discard_after_seq=_last_step(run))
    entry = store_event(run.pk, last_seq + 1, event)
    return Recovered(run, transcript, base, [entry], last_seq + 1, tools)


def _settle_calls(run: Run, tools: tuple[Tool, ...]) -> dict[str, ToolCall]:
    """The run's calls. One that was cut and may not run twice gets an outcome that says so."""
    safe = {tool.name for tool in tools if tool.replay != "unsafe"}
    calls = {call.call_id: call for call in run.tool_calls.all()}
    for call in calls.values():
        if call.status == ToolCall.Status.EXECUTING and call.name not in safe:
            call.status, call.content, call.finished_at = ToolCall.Status.OUTCOME_UNKNOWN, NOT_RUN, timezone.now()
            call.save(update_fields=["status", "content", "finished_at"])
    return calls


def _last_step(run: Run) -> int:
    """The last event that stands: text after it belongs to a turn that was cut."""
    kept = RunEvent.objects.filter(run=run).exclude(event_type__in=VOID_WHEN_CUT).order_by("-seq")
    return kept.values_list("seq", flat=True).first() or 0


def _give_up(run: Run) -> None:
    message = f"The server was lost {MAX_ATTEMPTS} times while it worked on this answer. Send the message again."
    event = Error(
        error_code=ErrorCode.INTERNAL_ERROR,
        error_message=message,
        run_id=str(run.pk),
        conversation_id=str(run.conversation_id),
    )
    store_event(run.pk, run.last_seq() + 1, event)
    run.finish(Run.Status.FAILED, error_code=ErrorCode.INTERNAL_ERROR.value, error_message=message)
