"""Parameters that a provider does not take: told by a 400 that names one, dropped, and remembered."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from agents.llm.failures import is_context_too_long
from agents.llm.request_body import FIXED

INSTEAD = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
STATUSES = frozenset({400, 422})
ANSWER_TOO_LARGE = re.compile(r"\bmax_(?:completion_)?tokens\b.{0,80}\btoo large\b", re.IGNORECASE | re.DOTALL)


def refused_parameter(
    body: Mapping[str, Any], *, status: int, param: str | None, error: Any, vendor: Collection[str] = ()
) -> str | None:
    """Return the parameter of `body` (or the vendor field) that an error names, or None.

    `param` is the error's own field; otherwise its text names a parameter in quotes, or by a word with an underscore.
    """
    if status not in STATUSES:
        return None
    candidates = [*(name for name in body if name not in FIXED), *vendor]
    path = re.split(r"[.\[\]]+", param or "")
    for name in candidates:
        if name in (path[0], path[-1]):
            return name
    text = str(error)[:4000]
    if is_context_too_long(error) and not ANSWER_TOO_LARGE.search(text):
        return None  # such messages speak of max_tokens, too
    return next((name for name in candidates if _names(name, text)), None)


def substitute(name: str, error: Any) -> str | None:
    """Return the parameter that the error asks for instead of `name`."""
    instead = INSTEAD.get(name)
    return instead if instead and re.search(rf"\b{instead}\b", str(error)[:4000]) else None


def _names(name: str, text: str) -> bool:
    word = re.escape(name) if "_" in name else rf"[`'\"]{re.escape(name)}[`'\"]"
    return re.search(rf"(?<!\w){word}(?!\w)", text) is not None
