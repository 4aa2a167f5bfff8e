"""What went wrong at the provider, told in our words. Nothing that a provider wrote is repeated to people."""

import re
from typing import Any

from agents.errors import ErrorCode, ModelError

BROKE_OFF = "The model's answer broke off before its end. Try again."
TIMED_OUT = "The model did not answer in time. Try again, or choose a faster model."
UNREACHABLE = "The model provider could not be reached. Check OPENAI_BASE_URL and the network, then try again."
NO_PROVIDER = "OPENAI_BASE_URL leads to a web page, not to a model provider. It usually ends in /v1."
UNUSABLE = "OPENAI_BASE_URL or OPENAI_API_KEY cannot be used as it is. Look for missing or stray characters in it."
NO_CERTIFICATES = "The file that SSL_CERT_FILE names cannot be read. It has to hold certificates, in PEM."
TOO_LONG = (
    "The conversation is longer than the model can read. Start a new one, or choose a model with a longer context."
)
QUOTA = "The model provider's quota is used up. Check the plan and the billing of its API key."
CONTEXT_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"})
CONTEXT_TEXT = re.compile(
    r"context.{0,20}(length|window|size)|maximum prompt length|(prompt|input|request) (is )?too (long|large)"
    r"|too many (input )?tokens|reduce the length of|input token count",
    re.IGNORECASE,
)
CAN_BE_CONTEXT = frozenset({400, 413, 422, 500})
WORDS: dict[int, tuple[ErrorCode, str]] = {
    401: (ErrorCode.MODEL_ERROR, "The model provider refused the API key. Check OPENAI_API_KEY."),
    402: (ErrorCode.MODEL_ERROR, QUOTA),
    403: (ErrorCode.MODEL_ERROR, "The model provider refused the API key, or its key may not use {model!r}."),
    404: (
        ErrorCode.MODEL_ERROR,
        "The model provider does not know {model!r}. Check that name, and OPENAI_BASE_URL (which usually ends in /v1).",
    ),
    408: (ErrorCode.MODEL_UNAVAILABLE, "The model provider is too busy to answer. Try again."),
    409: (ErrorCode.MODEL_UNAVAILABLE, "The model provider is too busy to answer. Try again."),
    413: (ErrorCode.CONTEXT_TOO_LONG, TOO_LONG),
    429: (ErrorCode.MODEL_RATE_LIMITED, "The model provider allows no more requests for now. Try again later."),
}


class QuotaUsedUp(ModelError):
    """A 429 that no waiting cures."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.MODEL_RATE_LIMITED, QUOTA)


def refused(
    status: int, *, model: str, error: Any = None, code: str | None = None, retry_after: float | None = None
) -> ModelError:
    """Map an HTTP error status, with what is known of its body, to an error of ours. `retry_after` is in seconds."""
    if status in CAN_BE_CONTEXT and is_context_too_long(error, code):
        return ModelError(ErrorCode.CONTEXT_TOO_LONG, TOO_LONG)
    if code == "insufficient_quota":
        return QuotaUsedUp()
    if status >= 500:
        kind, words = ErrorCode.MODEL_UNAVAILABLE, f"The model provider has a problem (HTTP {status}). Try again."
    elif status < 400:
        kind, words = ErrorCode.MODEL_ERROR, f"The model provider answered with HTTP {status}. Check OPENAI_BASE_URL."
    else:
        other = f"The model provider refused the request (HTTP {status}). Check the agent's model and its settings."
        kind, words = WORDS.get(status, (ErrorCode.MODEL_ERROR, other))
    return ModelError(kind, words.format(model=model), retry_after=retry_after)


def told_in_stream(error: Any) -> ModelError:
    """Map an error that the provider sent inside a stream that had begun well."""
    if is_context_too_long(error, str(error.get("code")) if isinstance(error, dict) else None):
        return ModelError(ErrorCode.CONTEXT_TOO_LONG, TOO_LONG)
    return ModelError(ErrorCode.MODEL_ERROR, "The model provider failed while it answered. Try again.")


def is_context_too_long(error: Any, code: str | None = None) -> bool:
    """Whether an error says that the conversation does not fit; providers agree on no code, so their words count."""
    return code in CONTEXT_CODES or CONTEXT_TEXT.search(str(error)[:4000]) is not None
