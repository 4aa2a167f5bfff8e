"""When a failed request is sent again, and how long to wait before."""

import email.utils
import random
import time
from collections.abc import Mapping

from agents.errors import ErrorCode, ModelError
from agents.llm.base import Retry
from agents.llm.failures import QuotaUsedUp

FIRST_DELAY = 0.5  # seconds
MAX_DELAY = 8.0
MAX_WAIT = 30.0  # the longest wait that a provider may ask for; a person is waiting
MAX_TOLD = 86_400.0  # a day; what goes beyond is no wait but a mistake
RETRIED = frozenset({ErrorCode.MODEL_RATE_LIMITED, ErrorCode.MODEL_UNAVAILABLE})


class Retries:
    """Counts the tries of one turn."""

    def __init__(self, limit: int, *, first_delay: float = FIRST_DELAY) -> None:
        self._left = limit
        self._attempt = 1
        self._delay = first_delay

    def after(self, failure: ModelError) -> Retry | None:
        """Return the retry that follows a failure before the first token, or None when it is final."""
        wait = failure.retry_after
        final = failure.code not in RETRIED or isinstance(failure, QuotaUsedUp) or (wait or 0) > MAX_WAIT
        if final or not self._left:
            return None
        self._left -= 1
        self._attempt += 1
        backoff = min(self._delay, MAX_DELAY) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
        self._delay *= 2
        return Retry(self._attempt, failure.code, backoff if wait is None else wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the headers `retry-after-ms` and `Retry-After` (seconds or a date) ask to wait."""
    for name, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        seconds = _seconds(headers.get(name, ""))
        if seconds is not None:
            return min(max(0.0, seconds / divisor), MAX_TOLD)
    return None


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        date = email.utils.parsedate_tz(value)
        return None if date is None else email.utils.mktime_tz(date) - time.time()
    return seconds if seconds == seconds else None  # not a NaN
