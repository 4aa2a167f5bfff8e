"""A tool: a typed function, with the name, description and JSON Schema that a model needs to call it."""

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args, overload

from pydantic import BaseModel

from tools.exceptions import ToolDefinitionError
from tools.signature import read_signature

Replay = Literal["safe", "idempotent", "unsafe"]
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MAX_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know of the call it serves. The key is the same each time the same call is run again."""

    call_id: str
    idempotency_key: str

    @classmethod
    def of(cls, run_key: str, call_id: str) -> Self:
        """The context of a call of the run that this key names."""
        return cls(call_id=call_id, idempotency_key=f"{run_key}:{call_id}")


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    `parameters` is the JSON Schema of the arguments (an object); `arguments` validates them. `timeout` is in seconds
    (None: the agent's). `replay` says what to do with a call that a crash cut: `safe` and `idempotent` run again,
    `unsafe` does not. `context_parameter` names the parameter that takes a ToolContext; the model never sees it.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    function: Callable[..., Any]
    arguments: type[BaseModel]
    timeout: float | None = None
    requires_approval: bool = False
    replay: Replay = "safe"
    context_parameter: str | None = None

    @classmethod
    def from_function(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        timeout: float | None = None,
        requires_approval: bool = False,
        replay: Replay = "safe",
    ) -> Self:
        """Make a tool of a typed function (async or plain) with a docstring; raise ToolDefinitionError if it is unfit.

        `timeout` is in seconds, up to an hour.
        """
        _require_function(function)
        name = function.__name__ if name is None else name
        _require_options(name, timeout=timeout, replay=replay)
        signature = read_signature(function, context_type=ToolContext)
        return cls(
            name=name,
            description=signature.description,
            parameters=signature.parameters,
            function=function,
            arguments=signature.arguments,
            timeout=timeout,
            requires_approval=requires_approval,
            replay=replay,
            context_parameter=signature.context_parameter,
        )


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    timeout: float | None = None,
    requires_approval: bool = False,
    replay: Replay = "safe",
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Turn the function below into a Tool. `@tool` and `@tool(timeout=…, replay="unsafe")` both work."""
    if function is None:
        return lambda decorated: Tool.from_function(decorated, **options)
    return Tool.from_function(function, **options)


def _require_function(function: Any) -> None:
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        raise ToolDefinitionError(f"{function!r} is not a function. Write one with `def` or `async def`.")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ToolDefinitionError(f"{function.__qualname__} yields; a tool returns its result in one piece.")


def _require_options(name: str, *, timeout: float | None, replay: str) -> None:
    if not NAME.fullmatch(name):
        raise ToolDefinitionError(
            f"{name!r} cannot name a tool: use 1 to 64 letters, digits, '_' and '-'; give name=…."
        )
    if timeout is not None and not (math.isfinite(timeout) and 0 < timeout <= MAX_TIMEOUT):
        raise ToolDefinitionError(f"The timeout of {name!r} is {timeout!r}; give seconds, up to {MAX_TIMEOUT:g}.")
    if replay not in get_args(Replay):
        raise ToolDefinitionError(f"The replay rule of {name!r} is {replay!r}; give one of {get_args(Replay)}.")
