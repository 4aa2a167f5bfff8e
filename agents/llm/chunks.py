"""One event of a chat completion stream, decoded: strictly and fast, or leniently where a provider is odd."""

import json
import math
from typing import Any

import msgspec

from agents.errors import ErrorCode, ModelError


class UsageCounts(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Delta(msgspec.Struct, gc=False):
    """A piece of the answer. Tool calls stay as they came: the accumulator knows their oddities."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class Choice(msgspec.Struct, gc=False):
    """`message` instead of `delta` comes from a provider that does not stream."""

    delta: Delta | None = None
    finish_reason: str | None = None
    message: Delta | None = None


class Chunk(msgspec.Struct, gc=False):
    """`error`, or a `message` without choices (old vLLM), is a failure that the provider tells inside the stream."""

    choices: list[Choice] | None = None
    usage: UsageCounts | None = None
    error: Any = None
    message: Any = None


# The data of one event. Raises ODD where that is not JSON, not UTF-8, or not of the types that the tables foresee.
decode_strictly = msgspec.json.Decoder(Chunk).decode
ODD = ValueError, RecursionError


def decode_leniently(payload: bytes) -> Chunk:
    """Raises ModelError when it is not a JSON object."""
    if not payload.strip():
        return Chunk()
    try:
        value = _without_lone_surrogates(json.loads(payload.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ModelError(ErrorCode.MODEL_ERROR, "The model provider sent data that is not valid JSON. Try again.")
    choices = value.get("choices")
    return Chunk(
        choices=[_choice(choice) for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else None,
        usage=_usage(value.get("usage")),
        error=value.get("error"),
        message=value.get("message"),
    )


def _without_lone_surrogates(value: Any) -> Any:
    """JSON can spell half of a surrogate pair; no such text can be stored or sent on."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _choice(choice: dict[str, Any]) -> Choice:
    reason = choice.get("finish_reason")
    return Choice(
        delta=_delta(choice.get("delta")),
        finish_reason=reason if isinstance(reason, str) else None,
        message=_delta(choice.get("message")),
    )


def _delta(delta: Any) -> Delta | None:
    if not isinstance(delta, dict):
        return None
    calls = delta.get("tool_calls")
    calls = [calls] if isinstance(calls, dict) else calls
    return Delta(
        content=_text(delta.get("content")),
        reasoning_content=_text(delta.get("reasoning_content")),
        reasoning=_text(delta.get("reasoning")),
        refusal=_text(delta.get("refusal")),
        tool_calls=[call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else None,
    )


def _text(value: Any) -> str | None:
    """Text comes as a string, as one part, or as a list of parts `{"type": "text", "text": …}`."""
    parts = value if isinstance(value, list) else [value]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "".join(text for text in texts if isinstance(text, str)) or None


def _usage(usage: Any) -> UsageCounts | None:
    if not isinstance(usage, dict):
        return None
    return UsageCounts(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None
