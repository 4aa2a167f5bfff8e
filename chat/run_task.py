"""One run at work: the agent loop on one side, the journal on the other. A task of the process, never of a request."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from django.conf import settings
from django.utils import timezone

from agents.errors import ErrorCode, RunFailed
from agents.events import (
    AnyEvent,
    ChatCancelled,
    ChatChunk,
    ChatComplete,
    Error,
    ReasoningChunk,
    ToolCallComplete,
    ToolCallError,
    ToolCallStart,
    ToolCallState,
    Usage,
)
from agents.limits import Limits
from agents.llm.base import ReasoningDelta, TextDelta
from agents.messages import ToolMessage
from agents.streaming_agent import StreamingAgent
from agents.transcript import Transcript
from chat import log_context
from chat.budgets import set_aside_more
from chat.exceptions import OwnershipLost
from chat.history import turns_of, without_nul
from chat.journal import Journal, LiveRun
from chat.models import Message, Reservation, Run, ToolCall

log = logging.getLogger(__name__)
LARGEST_COUNT = 2**31 - 1  # that a column holds


class TextToJournal:
    """Takes text from the model to the journal (`Take`), without a turn of the run's task."""

    __slots__ = ("_journal", "_limits", "_live", "_transcript")

    def __init__(self, live: LiveRun, journal: Journal, transcript: Transcript, limits: Limits) -> None:
        self._live, self._journal, self._transcript, self._limits = live, journal, transcript, limits

    def put(self, delta: TextDelta | ReasoningDelta, more: Callable[[], None]) -> bool | None:
        live = self._live
        if not live.spoke or live.is_behind or live.lost:
            return None
        return self._journal.put(live, self._transcript.take(delta, self._limits), more)


class RunTask:
    """Runs the loop and stores what it says. `base` is how many of the transcript's messages came before this run."""

    def __init__(
        self, run: Run, live: LiveRun, journal: Journal, agent: StreamingAgent, transcript: Transcript, *, base: int
    ) -> None:
        self.run = run
        self.live = live
        self.cancelled = False
        self._journal = journal
        self._agent = agent
        self._transcript = transcript
        self._base = base
        self._ending = False
        self._working: asyncio.Task[None] | None = None
        self._take = TextToJournal(live, journal, transcript, agent.limits)

    def cancel(self) -> None:
        """Stop the run for its owner. A run that is storing its last event ends as it was about to."""
        if self._ending or self.cancelled:
            return
        self.cancelled = True
        if self._working is not None:  # else it has not begun, and will see the flag
            self._working.cancel()

    async def execute(self) -> None:
        """Run to the end. Whatever happens, the run gets exactly one terminal event, unless it is no longer ours."""
        log_context.tell_run(self.run.pk)
        self._working = asyncio.current_task()
        try:
            last = self._cancellation() if self.cancelled else await self._loop()
            if last is not None:
                await self._finish(last)
        except OwnershipLost:
            log.info("Run %s goes on elsewhere or was deleted", self.run.pk)
        finally:
            self._journal.close(self.live)

    async def _loop(self) -> AnyEvent | None:
        """Take the loop's events until it ends; return a last event where the loop did not get to say one."""
        try:
            async with (
                asyncio.timeout(settings.MAX_RUN_SECONDS),
                aclosing(self._agent.resume(self._transcript, take=self._take)) as groups,
            ):
                async for group in groups:
                    await self._store(group)
        except TimeoutError:
            return self._failed(
                ErrorCode.LIMIT_EXCEEDED,
                f"The run took longer than {settings.MAX_RUN_SECONDS:g} seconds (MAX_RUN_SECONDS).",
            )
        except asyncio.CancelledError:
            if not self.cancelled:
                raise
            return self._cancellation()
        except OwnershipLost:
            raise
        except RunFailed as failure:
            return self._failed(failure.code, failure.message)
        except Exception:
            log.exception("Run %s failed", self.run.pk)
            return self._failed(ErrorCode.INTERNAL_ERROR, "Something went wrong on our side. Try again.")
        return None

    async def _store(self, group: tuple[AnyEvent, ...]) -> None:
        first = group[0]
        if type(first) is ChatChunk or type(first) is ReasoningChunk:
            self._journal.put(self.live, first)
            if self.live.is_behind:
                await self._journal.catch_up(self.live)
        elif first.terminal:
            await self._finish(first)
        else:
            if self.run.budgeted and isinstance(first, ToolCallStart):
                await self._set_aside_more()
            await self._journal.append(self.live, group, self._rows_of(group))

    async def _set_aside_more(self) -> None:
        """A turn has ended that leads to another one: see that the budgets have the tokens. Raises RunFailed."""
        settings = self.run.agent_config.settings
        await self._journal.execute_patiently(lambda: set_aside_more(self.run.pk, self._transcript, settings))

    async def _finish(self, last: AnyEvent) -> None:
        if self._ending:
            return
        self._ending = True
        if isinstance(last, (ChatComplete, ChatCancelled, Error)):
            last.run_id, last.conversation_id = str(self.run.pk), str(self.run.conversation_id)
        ending = self._journal.append(self.live, (last,), self._ending_of(last))
        if not self.run.budgeted:
            await ending
            return
        # Handed over together they are stored together: whoever sees the end sees its tokens counted.
        settled, ended = await asyncio.gather(
            self._journal.execute(Reservation.objects.filter(run_id=self.run.pk).settle), ending, return_exceptions=True
        )
        if isinstance(settled, Exception):
            log.warning("A run's tokens will be counted later: %s", type(settled).__name__)
        if isinstance(ended, BaseException):
            raise ended

    def _rows_of(self, group: tuple[AnyEvent, ...]) -> Callable[[], None] | None:
        """What is stored with these events: the intent of each call with its start, its outcome with its result."""
        started = [event.tool_call for event in group if isinstance(event, ToolCallStart)]
        ended = [event.tool_call for event in group if isinstance(event, (ToolCallComplete, ToolCallError))]
        if not (started or ended):
            return None
        said, usage = self._said() if started else None, self._transcript.usage
        read = {
            message.tool_call_id: message.content
            for message in self._transcript.messages[self._base :]
            if isinstance(message, ToolMessage)
        }

        def write() -> None:
            if said is not None:
                Message.objects.filter(pk=self.run.answer_id).update(**said)
                Run.objects.filter(pk=self.run.pk).update(**_tokens(usage))
            ToolCall.objects.bulk_create([_intent(self.run, call) for call in started])
            for call in ended:
                ToolCall.objects.filter(run=self.run, call_id=call.id).update(**outcome(call, read.get(call.id, "")))

        return write

    def _said(self) -> dict[str, Any]:
        """The fields of the answer's row."""
        content = without_nul(self._transcript.answer)
        return {"turns": turns_of(self._transcript.messages[self._base :], content), "content": content}

    def _ending_of(self, last: AnyEvent) -> Callable[[], None]:
        transcript, run = self._transcript, self.run
        status, fields = _final_state(last)
        fields |= {
            **_tokens(transcript.usage),
            "tool_call_count": transcript.tool_calls,
            "first_token_ms": transcript.first_token_ms,
            "duration_ms": transcript.duration_ms,
        }
        said = self._said()

        def write() -> None:
            if status is not Run.Status.COMPLETED:
                run.tool_calls.filter(status=ToolCall.Status.EXECUTING).update(
                    status=ToolCall.Status.CANCELLED, finished_at=timezone.now()
                )
            run.finish(status, said=said, **fields)

        return write

    def _cancellation(self) -> ChatCancelled:
        transcript = self._transcript
        return ChatCancelled(
            partial_response=transcript.answer,
            total_tool_calls=transcript.tool_calls,
            usage=transcript.usage,
            duration_ms=transcript.duration_ms,
        )

    def _failed(self, code: ErrorCode, message: str) -> Error:
        return Error(error_code=code, error_message=message)


def _final_state(last: AnyEvent) -> tuple[Run.Status, dict[str, Any]]:
    match last:
        case ChatComplete(finish_reason=reason):
            return Run.Status.COMPLETED, {"finish_reason": reason[:40]}
        case Error(error_code=code, error_message=message):
            return Run.Status.FAILED, {"error_code": code.value, "error_message": message}
        case _:
            return Run.Status.CANCELLED, {"finish_reason": "cancelled"}


def _tokens(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": min(usage.input_tokens, LARGEST_COUNT),
        "output_tokens": min(usage.output_tokens, LARGEST_COUNT),
        "usage_estimated": usage.estimated,
    }


def _intent(run: Run, call: ToolCallState) -> ToolCall:
    return ToolCall(run=run, call_id=call.id, name=call.name[:200], arguments=without_nul(call.arguments))


def outcome(call: ToolCallState, content: str) -> dict[str, Any]:
    """The fields of a ToolCall row when the call has ended; `content` is what the model reads of it."""
    return {
        "status": call.status,
        "result": without_nul(call.result),
        "error": without_nul(call.error or ""),
        "content": without_nul(content),
        "execution_time_ms": call.execution_time_ms,
        "finished_at": timezone.now(),
    }
