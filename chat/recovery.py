"""Taking over runs that another process left behind, from the last step that was stored."""

import json
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from agents.errors import ErrorCode
from agents.events import Error, RunResumed, ToolCallError, ToolCallState, Usage
from agents.messages import AssistantMessage
from agents.statements import Cursor
from agents.transcript import Transcript
from chat.history import answer_messages, answer_turns, load_history
from chat.journal.live_run import Entry
from chat.journal.rows import store_event
from chat.models import Run, RunEvent, ToolCall
from chat.models.run import MAX_ATTEMPTS
from chat.models.tool_call import LOST
from tools.base import Tool
from tools.models import Tool as ToolRow

log = logging.getLogger(__name__)
AT_ONCE = 20  # runs taken over in one transaction
TEXT = ("chat_chunk", "reasoning_chunk")
VOID_WHEN_CUT = (*TEXT, "model_retry")


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


def claim_abandoned(owner: uuid.UUID, lease: timedelta) -> tuple[list[Recovered], bool]:
    """Take over runs whose lease has ended, and say whether there may be more.

    A run that has been tried often enough, or that cannot be read any more, fails here instead.
    """
    runs = Run.objects.abandoned().order_by("lease_until")
    if connection.features.has_select_for_update_skip_locked:
        runs = runs.select_for_update(skip_locked=True, no_key=True, of=("self",))
    claimed = [run for run in runs[:AT_ONCE] if run.take_over(owner, lease)]
    recovered = [one for run in claimed if (one := _recover_or_give_up(run)) is not None]
    return recovered, len(claimed) == AT_ONCE


def _recover_or_give_up(run: Run) -> Recovered | None:
    if run.attempt <= MAX_ATTEMPTS:
        try:
            with transaction.atomic():
                return _recover(run)
        except Exception:
            log.exception("Run %s cannot be taken up again", run.pk)
    _give_up(run)
    return None


def _recover(run: Run) -> Recovered:
    tools = runnable_tools(run.agent_config.tools)
    calls, unknown = _settle_calls(run, again={tool.name for tool in tools if tool.replay != "unsafe"})
    outcomes = {call.call_id: call.content for call in calls.values()}
    stored = answer_turns(run.answer)
    cursor = Cursor()
    history = load_history(cursor, run.conversation_id, run.conversation.head_id)
    base = len(history) - len(answer_messages(stored, outcomes))
    own = answer_messages(stored, outcomes, closed=False)
    transcript = Transcript(messages=[*history[:base], *own], key=str(run.pk))
    turns = [message for message in own if isinstance(message, AssistantMessage)]
    transcript.restore_answer("\n\n".join(turn.content for turn in turns if turn.content))
    transcript.tool_calls = sum(len(turn.tool_calls) for turn in turns)
    transcript.announced = set(outcomes)
    transcript.usage = Usage(
        input_tokens=run.input_tokens, output_tokens=run.output_tokens, estimated=run.usage_estimated
    )
    transcript.started_at -= (timezone.now() - run.created_at).total_seconds()
    if (spoke_at := _first_token(run)) is not None:
        transcript.first_token_at = transcript.started_at + (spoke_at - run.created_at).total_seconds()
    events = [RunResumed(attempt=run.attempt, discard_after_seq=_last_step(run)), *_unknown(unknown)]
    first = [store_event(cursor, run.pk, seq, event) for seq, event in enumerate(events, run.last_seq() + 1)]
    return Recovered(run, transcript, base, first, first[-1].seq, tools)


def _settle_calls(run: Run, *, again: set[str]) -> tuple[dict[str, ToolCall], list[ToolCall]]:
    """The run's calls, and those of them that were cut and are of no tool in `again`: their outcome is unknown now."""
    unknown = []
    calls = {call.call_id: call for call in run.tool_calls.all()}
    for call in calls.values():
        if call.status == ToolCall.Status.EXECUTING and call.name not in again:
            call.status, call.finished_at = ToolCall.Status.OUTCOME_UNKNOWN, timezone.now()
            call.content = call.error = LOST
            call.save(update_fields=["status", "content", "error", "finished_at"])
            unknown.append(call)
    return calls, unknown


def _unknown(calls: list[ToolCall]) -> list[ToolCallError]:
    return [
        ToolCallError(
            tool_call=ToolCallState(
                id=call.call_id, name=call.name, arguments=call.arguments, status="outcome_unknown", error=call.error
            )
        )
        for call in calls
    ]


def _first_token(run: Run) -> datetime | None:
    """When the first piece of text was told: somebody has seen it then, though it may be void."""
    told = RunEvent.objects.filter(run=run, event_type__in=TEXT).order_by("seq").values_list("body", flat=True).first()
    return max(run.created_at, datetime.fromisoformat(json.loads(told)["timestamp"])) if told else None


def _last_step(run: Run) -> int:
    """The last event that stands: text after it belongs to a turn that was cut."""
    kept = RunEvent.objects.filter(run=run).exclude(event_type__in=VOID_WHEN_CUT).order_by("-seq")
    return kept.values_list("seq", flat=True).first() or 0


def _give_up(run: Run) -> None:
    """End a run as failed. What of its calls was cut is not run any more: of a `safe` one nobody needs the outcome."""
    called = runnable_tools(tuple(run.tool_calls.values_list("name", flat=True)))
    _, unknown = _settle_calls(run, again={tool.name for tool in called if tool.replay == "safe"})
    run.tool_calls.filter(status=ToolCall.Status.EXECUTING).update(
        status=ToolCall.Status.CANCELLED, finished_at=timezone.now()
    )
    message = f"The answer was interrupted {run.attempt - 1} times and is given up. Send the message again."
    error = Error(
        error_code=ErrorCode.INTERNAL_ERROR,
        error_message=message,
        run_id=str(run.pk),
        conversation_id=str(run.conversation_id),
    )
    cursor = Cursor()
    for seq, event in enumerate([*_unknown(unknown), error], run.last_seq() + 1):
        store_event(cursor, run.pk, seq, event)
    run.finish(Run.Status.FAILED, error_code=ErrorCode.INTERNAL_ERROR.value, error_message=message)
