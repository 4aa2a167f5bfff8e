"""What people decide about tool calls that a crash cut, and the calls that run again at their word."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models.functions import Now

from agents.errors import ErrorCode
from agents.events import ToolCallState
from chat.audit import Action, record
from chat.audit.record import By
from chat.exceptions import Refused, not_found
from chat.journal import Journal
from chat.models import Run, ToolCall
from chat.models.tool_call import LOST, LOST_AGAIN
from chat.recovery import runnable_tools
from chat.run_task import outcome
from tools.base import Tool, ToolContext
from tools.execution import ToolResult, execute

log = logging.getLogger(__name__)
NOT_RUNNABLE = "This tool is switched off, gone, or needs approval: it cannot run again."


def find_call(run: Run, call_id: str) -> ToolCall:
    """Raises Refused. Uses the database."""
    call = None if "\0" in call_id else run.tool_calls.select_related("run").filter(call_id=call_id).first()
    if call is None:
        raise not_found("tool call")
    return call


def decide(call: ToolCall, decision: ToolCall.Decision, user_id: int, *, by: By) -> ToolCall:
    """Store a person's decision; the same one again changes nothing. Raises Refused.

    Uses the database, and wants a transaction: the audit log (which reads from `by` how the person came) is part of it.
    """
    if call.run.is_active:
        raise Refused(
            ErrorCode.CONVERSATION_BUSY,
            "The run is still active: decide when it has ended.",
            details={"run_id": str(call.run_id), "conversation_id": str(call.run.conversation_id)},
        )
    if call.status == ToolCall.Status.OUTCOME_UNKNOWN:
        if decision == ToolCall.Decision.RUN_AGAIN and _tool_of(call) is None:
            raise Refused(ErrorCode.INVALID_REQUEST, NOT_RUNNABLE, status=409)
        if call.decide(decision, user_id):
            record(Action.TOOL_CALL_DECIDED, by=by, of=call, decision=decision, tool=call.name, run=str(call.run_id))
    if call.decision != decision:
        raise _nothing_to_decide(call)
    return call


def _nothing_to_decide(call: ToolCall) -> Refused:
    if not call.decision:
        message = f"The outcome of this call is known (`{call.status}`): there is nothing to decide."
        return Refused(ErrorCode.INVALID_REQUEST, message, status=409)
    return Refused(
        ErrorCode.INVALID_REQUEST,
        f"This call has been decided otherwise: `{call.decision}`.",
        details={"decision": call.decision, "status": call.status},
        status=409,
    )


def _tool_of(call: ToolCall) -> Tool | None:
    """The tool, if this process may run it. One that needs approval may not: nobody can be asked yet."""
    tool = next(iter(runnable_tools((call.name,))), None)
    return None if tool is None or tool.requires_approval else tool


@dataclass(frozen=True, slots=True)
class Again:
    """A call that this process runs again."""

    call: ToolCall
    tool: Tool
    timeout: float


def claim_due(lease: timedelta) -> list[Again]:
    """Take the calls that are to run again, and give up those whose process has died over it. Uses the database."""
    due = ToolCall.objects.due()
    due.filter(status=ToolCall.Status.EXECUTING).lose_track(why=LOST_AGAIN)
    claimed = []
    for call in due.filter(status=ToolCall.Status.PENDING).select_related("run").order_by("lease_until"):
        tool = _tool_of(call)
        if not call.begin_again(lease):
            continue
        if tool is None:
            call.running_again().lose_track(why=f"{LOST} {NOT_RUNNABLE}")
        else:
            claimed.append(Again(call, tool, call.run.agent_config.tool_call_timeout))
    return claimed


class Decisions:
    """Carries out one process's share of what people decided. `spawn` starts a task of the process."""

    def __init__(
        self, journal: Journal, lease: timedelta, spawn: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
    ) -> None:
        self._journal = journal
        self._lease = lease
        self._spawn = spawn

    async def carry_out(self) -> None:
        """Start every call that is to run again and that no process has taken yet. What fails now is found later."""
        try:
            claimed = await self._journal.execute(lambda: claim_due(self._lease))
        except (OperationalError, InterfaceError) as error:
            log.warning("Calls that are to run again could not be looked for: %s", type(error).__name__)
            return
        for again in claimed:
            self._spawn(self._run(again))

    async def _run(self, again: Again) -> None:
        """Run a call and store its outcome. Where this process dies over it, another one finds its lease ended."""
        call = again.call
        log.info("Tool call %s of run %s runs again", call.call_id, call.run_id)
        task = asyncio.create_task(
            execute(
                again.tool,
                call.arguments,
                timeout=again.timeout,
                context=ToolContext.of(str(call.run_id), call.call_id),
                max_result_chars=settings.MAX_TOOL_RESULT_CHARS,
            )
        )
        try:
            while not (await asyncio.wait({task}, timeout=self._lease.total_seconds() / 3))[0]:
                await self._journal.execute_patiently(
                    lambda: call.running_again().update(lease_until=Now() + self._lease)
                )
        finally:
            task.cancel()
        ended = _outcome(call, task.result())
        if not await self._journal.execute_patiently(lambda: call.running_again().update(lease_until=None, **ended)):
            log.warning("Tool call %s of run %s was given up before it ended", call.call_id, call.run_id)


def _outcome(call: ToolCall, result: ToolResult) -> dict[str, Any]:
    state = ToolCallState(
        id=call.call_id,
        name=call.name,
        arguments=call.arguments,
        status="completed" if result.error is None else "failed",
        result=result.value,
        error=result.error,
        execution_time_ms=result.execution_time_ms,
    )
    return outcome(state, result.content)
