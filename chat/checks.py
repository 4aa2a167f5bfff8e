"""System checks: set-ups that cannot work, or not safely."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as Problem


@register(Tags.security, deploy=True)
def check_production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What `check --deploy` says about this project's own settings."""
    problems: list[CheckMessage] = []
    if settings.OPEN_ACCESS:
        problems.append(
            Problem("Open access is on.", hint="Set OPEN_ACCESS=0: everybody needs credentials.", id="chat.W001")
        )
    if not settings.REDIS_URL:
        problems.append(
            Problem(
                "The channel layer is in memory.",
                hint="Set REDIS_URL: several processes need it to tell each other of news.",
                id="chat.W002",
            )
        )
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        problems.append(
            Problem(
                "The database is SQLite.", hint="Set DATABASE_URL to PostgreSQL for several processes.", id="chat.W003"
            )
        )
    return problems


@register(deploy=False)
def check_layers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """PostgreSQL without Redis works for one process only; nobody chooses PostgreSQL for that."""
    if settings.REDIS_URL or settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return []
    return [
        Problem(
            "PostgreSQL without Redis serves one process only.",
            hint="Set REDIS_URL before you start a second process.",
            id="chat.W004",
        )
    ]
