"""One round of tool calls: all of them announced, run side by side, and told in the order in which they finish."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from agents.events import AnyEvent, ToolCallComplete, ToolCallError, ToolCallStart, ToolCallState
from agents.limits import Limits
from agents.messages import ToolCall, ToolMessage
from agents.transcript import Transcript
from tools.base import Tool, ToolContext
from tools.execution import ToolResult, execute

NEEDS_APPROVAL = "This tool needs a person's approval before it may run, and nobody has been asked. It was not run."


@dataclass(frozen=True, slots=True)
class ToolRound:
    """How to run the calls of one turn. `timeout` is in seconds per call; `max_parallel` is how many run at once."""

    tools: Mapping[str, Tool]
    max_parallel: int
    timeout: float
    limits: Limits

    async def run(
        self, calls: Sequence[ToolCall], transcript: Transcript
    ) -> AsyncGenerator[tuple[AnyEvent, ...], None]:
        """Yield groups of events: all starts, then results as they come. No call begins before the starts are taken."""
        new = [call for call in calls if call.id not in transcript.announced]
        if new:
            yield tuple(ToolCallStart(tool_call=_state(call)) for call in new)
        finished: asyncio.Queue[tuple[ToolCall, ToolResult]] = asyncio.Queue()
        slots = asyncio.Semaphore(self.max_parallel)
        tasks = [asyncio.create_task(self._run_one(call, transcript, slots, finished)) for call in calls]
        try:
            left = len(tasks)
            while left:
                results = [await finished.get()]
                while not finished.empty():
                    results.append(finished.get_nowait())
                left -= len(results)
                for call, result in results:
                    transcript.messages.append(ToolMessage(tool_call_id=call.id, content=result.content))
                yield tuple(_told(call, result) for call, result in results)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_one(
        self,
        call: ToolCall,
        transcript: Transcript,
        slots: asyncio.Semaphore,
        finished: asyncio.Queue[tuple[ToolCall, ToolResult]],
    ) -> None:
        async with slots:
            result = await self._result(call, transcript)
        finished.put_nowait((call, result))

    async def _result(self, call: ToolCall, transcript: Transcript) -> ToolResult:
        tool = self.tools.get(call.name)
        if tool is None:
            known = ", ".join(self.tools) or "none"
            return _refused(f"There is no tool named {call.name!r}. Available tools: {known}.")
        if call.problem:
            return _refused(call.problem)
        if tool.requires_approval:
            return _refused(NEEDS_APPROVAL)
        return await execute(
            tool,
            call.arguments,
            timeout=self.timeout,
            context=ToolContext.of(transcript.key, call.id),
            max_result_chars=self.limits.max_tool_result_chars,
        )


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The call's arguments as clients see them; {} where they are not an object."""
    try:
        arguments = msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _state(call: ToolCall) -> ToolCallState:
    return ToolCallState(id=call.id, name=call.name, arguments=arguments_of(call), status="executing")


def _told(call: ToolCall, result: ToolResult) -> AnyEvent:
    state = _state(call)
    state.execution_time_ms = result.execution_time_ms
    if result.error is None:
        state.status, state.result = "completed", result.value
        return ToolCallComplete(tool_call=state)
    state.status, state.error = "failed", result.error
    return ToolCallError(tool_call=state)


def _refused(reason: str) -> ToolResult:
    return ToolResult(value=None, content=f"Error: {reason}", error=reason, execution_time_ms=0, truncated=False)
