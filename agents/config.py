"""An agent's configuration as a value: what a run needs to know of the agent that answers it."""

from typing import Any

import msgspec


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of an agent's row, taken when a run starts and kept with it. `tool_call_timeout` is in seconds."""

    slug: str
    name: str
    instructions: str
    provider: str
    model: str
    settings: dict[str, Any] = {}
    tools: tuple[str, ...] = ()
    max_parallel_tools: int = 5
    tool_call_timeout: float = 30.0
    max_rounds: int = 10
    parallel_tools: bool = True
