"""Blots out what the environment keeps secret, wherever it turns up: in log lines and on Django's error pages.

Nothing here is meant to be needed: keys and passwords are kept away from messages in the first place. But a provider
may repeat a key in its error, and a traceback quotes what it has.
"""

import html
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

BLOT = "********"
SHORTEST = 8  # characters; a shorter text would be blotted out of innocent words


class Redaction:
    """Knows the secrets, and takes them out of texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelt = {text for secret in secrets if len(secret) >= SHORTEST for text in (secret, *_escaped(secret))}
        self._secrets = sorted(spelt, key=len, reverse=True)  # one may be part of another

    def text(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, BLOT)
        return text

    def lines(self, logger: Any, name: str, rendered: str) -> str:
        """The same, as the last processor of a log line."""
        return self.text(rendered)


def secrets_in(value: str) -> set[str]:
    """What is secret in a setting: of a URL the password, as it stands there and as it is meant; else all of it."""
    if "://" not in value:
        return {value} if value else set()
    password = value.partition("://")[2].rpartition("@")[0].partition(":")[2]
    if not password:
        return set()
    return {password, unquote(password), quote(unquote(password), safe="")}


def _escaped(secret: str) -> tuple[str, ...]:
    """As log lines, tracebacks and pages spell it."""
    quoted = repr(secret)[1:-1]
    return json.dumps(secret)[1:-1], quoted, html.escape(secret), html.escape(quoted)
