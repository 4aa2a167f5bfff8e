"""Runs one tool call: validate the arguments, hold the deadline, turn whatever comes out into a ToolResult.

Nothing a tool does ends the run: only cancellation of the caller passes through. A plain function runs on one of a
fixed number of threads. Python cannot stop a thread: a plain function that runs past its deadline keeps its thread
until it returns by itself, and the process waits for it when it exits. So a plain function that waits for something
needs a time-out of its own.
"""

import asyncio
import contextvars
import inspect
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec
from pydantic import ValidationError

from tools.base import Tool, ToolContext
from tools.exceptions import ToolError
from tools.jsonable import clean_text, jsonable

logger = logging.getLogger(__name__)

MAX_THREADS = 16
THREADS = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="tool")
STOP_GRACE = 0.5  # seconds for an async tool to clean up after its cancellation, before it is left behind
MAX_COMPLAINTS = 5


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call.

    `value` is what clients see (any JSON value), `content` what the model reads: text as it is, anything else as
    compact JSON, a failure as "Error: …". `error` is None where the call went well. `truncated`: the result was longer
    than allowed; `value` is then the cut text as well.
    """

    value: Any
    content: str
    error: str | None
    execution_time_ms: int
    truncated: bool = False


@dataclass(slots=True)
class _Call:
    """One call under way. `started` stays False while a plain function waits for a free thread."""

    tool: Tool
    keywords: dict[str, Any]
    started: bool = False


async def execute(
    tool: Tool,
    arguments: str | dict[str, Any],
    *,
    timeout: float,
    context: ToolContext,
    max_result_chars: int = 100_000,
) -> ToolResult:
    """Run one call. `arguments` is an object or its JSON text; `timeout`, in seconds, counts where the tool has none.

    The deadline counts the wait for a free thread too. A failure of any kind is a result with an `error`.
    """
    started = time.perf_counter()
    try:
        keywords = _keywords(tool, arguments, context)
        deadline = timeout if tool.timeout is None else tool.timeout
        result = _success(tool, await _within(deadline, _Call(tool, keywords)), max_result_chars)
    except ToolError as failure:
        result = _failure(str(failure) or f"{tool.name} failed", max_result_chars)
    except Exception:
        logger.exception("Tool %s failed", tool.name)
        result = _failure(f"{tool.name} failed unexpectedly", max_result_chars)
    return replace(result, execution_time_ms=round((time.perf_counter() - started) * 1000))


def _keywords(tool: Tool, arguments: str | dict[str, Any], context: ToolContext) -> dict[str, Any]:
    """What the function is called with; raises ToolError where the model's arguments do not fit."""
    try:
        model = tool.arguments.model_validate(_parsed(arguments))
    except ValidationError as invalid:
        raise ToolError(_complaint(invalid)) from None
    keywords = {field.alias or name: getattr(model, name) for name, field in tool.arguments.model_fields.items()}
    if tool.context_parameter:
        keywords[tool.context_parameter] = context
    return keywords


def _parsed(arguments: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(arguments, str):
        try:
            arguments = msgspec.json.decode(arguments)
        except (ValueError, RecursionError):
            raise ToolError("The arguments are not valid JSON") from None
    if not isinstance(arguments, dict):
        raise ToolError("The arguments are not a JSON object")
    return arguments


def _complaint(invalid: ValidationError) -> str:
    """What is wrong with the arguments, each by its name."""
    errors = invalid.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, error['loc']))}: {_words(error['type'], error['msg'])}" for error in errors]
    more = f"; and {len(told) - MAX_COMPLAINTS} more" if len(told) > MAX_COMPLAINTS else ""
    return f"Invalid arguments: {'; '.join(told[:MAX_COMPLAINTS])}{more}"


def _words(kind: str, message: str) -> str:
    match kind:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "there is no such parameter"
        case _:
            return message


async def _within(deadline: float, call: _Call) -> Any:
    """What the call returns; raises ToolError when the deadline (seconds) passes first, whatever the tool then does."""
    task = asyncio.create_task(_run(call), name=f"tool:{call.tool.name}")
    try:
        done, _ = await asyncio.wait({task}, timeout=deadline)
    except asyncio.CancelledError:
        await _stop(task)
        raise
    if not done:
        await _stop(task)
        raise ToolError(_overdue(call, deadline))
    if task.cancelled():  # by the tool itself: nobody cancelled us, and the run goes on
        raise RuntimeError("The tool raised CancelledError")
    return task.result()


async def _stop(task: asyncio.Task[Any]) -> None:
    task.add_done_callback(_forget)
    task.cancel()
    await asyncio.wait({task}, timeout=STOP_GRACE)


def _forget(task: asyncio.Task[Any]) -> None:
    """Take note of how a task ended that nobody waits for, or asyncio complains about it."""
    if not task.cancelled():
        task.exception()


def _overdue(call: _Call, deadline: float) -> str:
    why = "" if call.started else f": it never started, as all {MAX_THREADS} threads for tools are busy"
    return f"{call.tool.name} timed out after {deadline:g} s{why}"


async def _run(call: _Call) -> Any:
    try:
        if inspect.iscoroutinefunction(call.tool.function):
            call.started = True
            return await call.tool.function(**call.keywords)
        outcome = await _on_thread(call)
        return await outcome if inspect.isawaitable(outcome) else outcome
    except SystemExit as leaving:  # would stop the whole server
        raise RuntimeError("The tool called sys.exit") from leaving


async def _on_thread(call: _Call) -> Any:
    captured = partial(contextvars.copy_context().run, _capture, call)
    outcome, error = await asyncio.get_running_loop().run_in_executor(THREADS, captured)
    if error is not None:
        raise error
    return outcome


def _capture(call: _Call) -> tuple[Any, BaseException | None]:
    """Call the function; hand an exception back as a value, as futures refuse some (StopIteration)."""
    call.started = True
    try:
        return call.tool.function(**call.keywords), None
    except BaseException as error:
        return None, error


def _success(tool: Tool, outcome: Any, limit: int) -> ToolResult:
    try:
        value = jsonable(outcome)
        content = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    except (TypeError, ValueError) as problem:
        logger.exception("Tool %s returned a value without a JSON form", tool.name)
        raise ToolError(f"{tool.name} returned a value that has no JSON form") from problem
    if len(content) <= limit:
        return ToolResult(value, content, None, 0)
    cut = _cut(content, limit)
    return ToolResult(cut, cut, None, 0, truncated=True)


def _failure(message: str, limit: int) -> ToolResult:
    message = clean_text(message)
    error = message if len(message) <= limit else _cut(message, limit)
    return ToolResult(None, f"Error: {error}", error, 0, truncated=error != message)


def _cut(text: str, limit: int) -> str:
    note = f"\n[Cut: the result has {len(text):,} characters, more than the {limit:,} allowed.]"
    return text[: max(0, limit - len(note))] + note
