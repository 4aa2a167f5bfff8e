"""Who takes text past a caller that waits (see ModelRequest.take), and answers that come piece by piece."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.llm.base import ModelDelta, ReasoningDelta, TextDelta
from agents.llm.openai import OpenAIChatModel
from agents.tests.asking import ask
from tests.provider import Provider
from tests.provider_script import FRAMED, Script, Step, encode

PIECES = [f"{number} " for number in range(12)]
# The head has gone before, so that each piece finds a caller that waits.
HEAD: Script = [b": wait\n\n", {"delay": 0.05}]
ALONE: Script = [*HEAD, {"pace": [{"text": piece} for piece in PIECES], "every": 0.03}]
END: Script = [{"finish": "stop"}, {"usage": [1, 2]}, {"done": True}]


@dataclass
class Taker:
    """Takes what comes, but nothing from the `until`-th piece on. After each piece it wants more in `pause` seconds."""

    until: int = 1000
    failure: Exception | None = None
    pause: float = 0
    deltas: list[ModelDelta] = field(default_factory=list)

    def put(self, delta: TextDelta | ReasoningDelta, more: Callable[[], None]) -> bool | None:
        if len(self.deltas) >= self.until:
            return None
        if self.failure and len(self.deltas) == 3:
            raise self.failure
        self.deltas.append(delta)
        if self.pause:
            asyncio.get_running_loop().call_later(self.pause, more)
        return self.pause > 0

    def text(self) -> str:
        return "".join(delta.content for delta in self.deltas if isinstance(delta, TextDelta))


async def asked(script: Script, taker: Taker, **options: float) -> list[ModelDelta]:
    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, **options)  # type: ignore[arg-type]
        try:
            return await ask(model, take=taker)
        finally:
            await model.aclose()
            assert len(provider.requests) == 1


def at_once(*steps: Step) -> bytes:
    """Several pieces of HTTP's framing in one write: the connection hands them on one by one."""
    return FRAMED + b"".join(map(encode, steps))
