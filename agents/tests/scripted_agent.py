"""A StreamingAgent over a scripted model, with one tool that doubles numbers."""

from agents.events import AnyEvent, ChatChunk
from agents.messages import ToolCall
from agents.streaming_agent import StreamingAgent
from agents.tests.scripted_model import ScriptedModel
from tools.base import tool


@tool
async def double(number: int) -> int:
    """Double a number."""
    return 2 * number


def calling(number: int, call_id: str | None = None) -> ToolCall:
    return ToolCall(call_id or f"call_{number}", "double", f'{{"number": {number}}}')


def make_agent(*turns: list[object], **options: object) -> StreamingAgent:
    return StreamingAgent(llm=ScriptedModel(*turns), **{"tools": (double,), **options})  # type: ignore[arg-type]


def text(events: list[AnyEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, ChatChunk))
