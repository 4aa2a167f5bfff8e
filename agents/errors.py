"""Every error code that a client can meet, with its HTTP status. Spelled here and nowhere else."""

from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """The closed set of error codes; `status` is the HTTP status that goes with one."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    AGENT_NOT_FOUND = "agent_not_found"
    AGENT_DISABLED = "agent_disabled"
    CONVERSATION_BUSY = "conversation_busy"
    CURSOR_EXPIRED = "cursor_expired"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    RATE_LIMITED = "rate_limited"
    BUDGET_EXCEEDED = "budget_exceeded"
    CONTEXT_TOO_LONG = "context_too_long"
    TOOL_ROUNDS_EXCEEDED = "tool_rounds_exceeded"
    LIMIT_EXCEEDED = "limit_exceeded"
    MODEL_ERROR = "model_error"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_RATE_LIMITED = "model_rate_limited"
    MODEL_TIMEOUT = "model_timeout"
    SHUTTING_DOWN = "shutting_down"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    INTERNAL_ERROR = "internal_error"

    @property
    def status(self) -> int:
        return STATUS[self]


STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.AGENT_NOT_FOUND: 404,
    ErrorCode.AGENT_DISABLED: 409,
    ErrorCode.CONVERSATION_BUSY: 409,
    ErrorCode.CURSOR_EXPIRED: 410,
    ErrorCode.IDEMPOTENCY_MISMATCH: 422,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.BUDGET_EXCEEDED: 429,
    ErrorCode.CONTEXT_TOO_LONG: 422,
    ErrorCode.TOOL_ROUNDS_EXCEEDED: 422,
    ErrorCode.LIMIT_EXCEEDED: 422,
    ErrorCode.MODEL_ERROR: 502,
    ErrorCode.MODEL_UNAVAILABLE: 502,
    ErrorCode.MODEL_RATE_LIMITED: 503,
    ErrorCode.MODEL_TIMEOUT: 504,
    ErrorCode.SHUTTING_DOWN: 503,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.CANCELLED: 409,
    ErrorCode.INTERNAL_ERROR: 500,
}


class RunFailed(Exception):
    """Ends a run with a stable code. The message is shown to people: no traceback, path or provider body in it."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ModelError(RunFailed):
    """The model or its provider failed. `retry_after` is in seconds, where the provider named one."""

    def __init__(self, code: ErrorCode, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class Refused(Exception):
    """A request that is answered with an error. `retry_after` is in seconds; `status` replaces the code's.

    `headers` are further ones of the answer, where the transport has any.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.retry_after = retry_after
        self.status = status or code.status
        self.headers: dict[str, str] = {}
