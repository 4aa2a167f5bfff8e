"""A tool: a typed function, with the name, description and JSON Schema that a model needs to call it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

Replay = Literal["safe", "idempotent", "unsafe"]


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


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know of the call it serves. The key is the same each time the same call is run again."""

    call_id: str
    idempotency_key: str
