import asyncio
import logging
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, Field

from tools.base import ToolContext, tool
from tools.exceptions import ToolError


@dataclass
class Point:
    x: int
    y: int = 0


@tool
async def add(first: int, second: int = 2) -> int:
    """Add two numbers."""
    return first + second


async def test_arguments_come_as_json_text_or_as_an_object(run):
    for arguments in ('{"first": 40}', {"first": 40}, {"first": "40"}):
        result = await run(add, arguments)
        assert (result.value, result.content, result.error, result.truncated) == (42, "42", None, False)
        assert result.execution_time_ms >= 0


async def test_structured_arguments_reach_the_function_as_their_types(run):
    class Shape(BaseModel):
        points: list[Point]

    @tool
    async def kinds(shape: Shape, point: Point, schema: str = "s") -> list[str]:
        """Name the types."""
        return [type(shape).__name__, type(shape.points[0]).__name__, type(point).__name__, schema]

    result = await run(kinds, {"shape": {"points": [{"x": 1}]}, "point": {"x": 2}})
    assert result.value == ["Shape", "Point", "Point", "s"]


async def test_a_plain_function_runs_on_a_thread_of_its_own_kind(run):
    import threading

    @tool
    def where() -> str:
        """Name the thread."""
        return threading.current_thread().name

    assert (await run(where)).value.startswith("tool_")


async def test_a_plain_function_sees_the_context_variables_of_its_caller(run):
    from contextvars import ContextVar

    request = ContextVar("request", default="none")
    request.set("r1")

    @tool
    def which() -> str:
        """Name the request."""
        return request.get()

    assert (await run(which)).value == "r1"


async def test_a_plain_function_may_return_an_awaitable(run):
    @tool
    def later() -> Any:
        """Answer later."""
        return asyncio.sleep(0, "done")

    assert (await run(later)).value == "done"


async def test_the_context_reaches_the_function(run):
    @tool
    async def key(context: ToolContext) -> str:
        """Give the key."""
        return context.idempotency_key

    assert (await run(key)).value == "run_1:call_1"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ('{"first": ', "The arguments are not valid JSON"),
        ('{"first": NaN}', "The arguments are not valid JSON"),
        ("[" * 100_000, "The arguments are not valid JSON"),
        ('{"first": "\ud800"}', "The arguments are not valid JSON"),
        ("", "The arguments are not valid JSON"),
        ("[1]", "The arguments are not a JSON object"),
        ([1], "The arguments are not a JSON object"),
        ("{}", "Invalid arguments: first: is required"),
        ('{"first": 1, "third": 3}', "Invalid arguments: third: there is no such parameter"),
        (
            '{"first": "one", "second": null}',
            "Invalid arguments: first: Input should be a valid integer, unable to parse",
        ),
        (dict.fromkeys("abcdefgh", 1), "there is no such parameter; and 4 more"),
    ],
)
async def test_arguments_that_do_not_fit_are_told_by_name(run, arguments, error):
    result = await run(add, arguments)
    assert error in result.error
    assert result.content == f"Error: {result.error}"
    assert result.value is None


async def test_nested_arguments_are_told_by_their_path(run):
    @tool
    async def draw(points: list[Point]) -> None:
        """Draw."""

    result = await run(draw, {"points": [{"x": 1}, {"x": "one"}]})
    assert result.error.startswith("Invalid arguments: points.1.x: ")


async def test_constraints_hold(run):
    @tool
    async def roll(sides: Annotated[int, Field(ge=2, le=100)]) -> int:
        """Roll."""
        return sides

    assert (
        await run(roll, {"sides": 1})
    ).error == "Invalid arguments: sides: Input should be greater than or equal to 2"


async def test_a_validator_that_crashes_is_an_unexpected_failure(run, caplog):
    def crash(value: int) -> int:
        raise KeyError(value)

    @tool
    async def fragile(number: Annotated[int, AfterValidator(crash)]) -> int:
        """Break."""
        return number

    assert (await run(fragile, {"number": 1})).error == "fragile failed unexpectedly"
    assert "KeyError" in caplog.text


async def test_a_tool_error_is_shown_as_it_is(run, caplog):
    @tool
    def fail() -> None:
        """Fail."""
        raise ToolError("There is no such city")

    result = await run(fail)
    assert (result.error, result.content) == ("There is no such city", "Error: There is no such city")
    assert not caplog.records


async def test_a_tool_error_without_words_names_the_tool(run):
    @tool
    async def fail() -> None:
        """Fail."""
        raise ToolError

    assert (await run(fail)).error == "fail failed"


@pytest.mark.parametrize(
    "error",
    [ValueError("secret"), TimeoutError("secret"), StopIteration("secret"), asyncio.CancelledError("secret")],
    ids=repr,
)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "async"])
async def test_any_other_exception_is_logged_and_not_shown(run, caplog, error, plain):
    @tool
    async def fail() -> None:
        """Fail."""
        raise error

    @tool(name="fail")
    def fail_plainly() -> None:
        """Fail."""
        raise error

    with caplog.at_level(logging.ERROR):
        result = await run(fail_plainly if plain else fail)
    assert result.error == "fail failed unexpectedly"
    assert "secret" not in result.content
    assert caplog.records[0].exc_info


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "async"])
async def test_a_tool_that_exits_does_not_stop_the_server(run, plain):
    @tool
    async def leave() -> None:
        """Leave."""
        sys.exit(3)

    @tool(name="leave")
    def leave_plainly() -> None:
        """Leave."""
        sys.exit(3)

    assert (await run(leave_plainly if plain else leave)).error == "leave failed unexpectedly"


async def test_the_deadline_ends_a_slow_call(run):
    stopped = asyncio.Event()

    @tool
    async def wait() -> None:
        """Wait."""
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    result = await run(wait, timeout=0.05)
    assert result.error == "wait timed out after 0.05 s"
    assert 50 <= result.execution_time_ms < 1000
    assert stopped.is_set()


async def test_the_tools_own_timeout_wins(run):
    @tool(timeout=0.02)
    async def wait() -> None:
        """Wait."""
        await asyncio.Event().wait()

    assert (await run(wait, timeout=60)).error == "wait timed out after 0.02 s"


@pytest.mark.parametrize("ending", ["value", "error"])
async def test_what_a_tool_says_after_its_deadline_does_not_count(run, ending):
    @tool
    async def stubborn() -> str:
        """Go on."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if ending == "error":
                raise ValueError("too late") from None
        return "too late"

    assert (await run(stubborn, timeout=0.02)).error == "stubborn timed out after 0.02 s"


async def test_a_tool_that_refuses_to_stop_is_left_behind(run):
    let_go = asyncio.Event()

    @tool
    async def stubborn() -> None:
        """Go on."""
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    started = time.perf_counter()
    assert (await run(stubborn, timeout=0.05)).error == "stubborn timed out after 0.05 s"
    assert time.perf_counter() - started < 1
    let_go.set()
    await asyncio.sleep(0)


async def test_cancellation_passes_through_and_stops_the_tool(run):
    started, stopped = asyncio.Event(), asyncio.Event()

    @tool
    async def wait() -> None:
        """Wait."""
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    call = asyncio.create_task(run(wait))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert stopped.is_set()
