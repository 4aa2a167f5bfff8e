"""How log lines look: readable in a terminal, JSON in production. Message texts of people are never logged."""

from typing import Any

import structlog

from chat import log_context
from config.redaction import Redaction

QUIET = {
    # One line per request is the proxy's business; these would be one per request and per frame.
    "django.request": {"level": "ERROR"},
    "django.db.backends": {"level": "INFO"},  # its DEBUG lines quote queries, and so what people write
    "django.channels.server": {"level": "WARNING"},
    "daphne": {"level": "WARNING"},
    "openai": {"level": "WARNING"},
    "httpx2": {"level": "WARNING"},
    "asyncio": {"level": "WARNING"},
}


def logging_config(*, level: str, json: bool, redaction: Redaction) -> dict[str, Any]:
    """The value of Django's LOGGING setting. Every line goes to standard error, without any secret."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": _line(json, redaction)},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": QUIET,
    }


def _line(json: bool, redaction: Redaction) -> dict[str, Any]:
    """The formatter. Secrets are blotted out last, of the whole line."""
    formatter = structlog.stdlib.ProcessorFormatter
    return {
        "()": formatter,
        "processors": [formatter.remove_processors_meta, _renderer(json), redaction.lines],
        "foreign_pre_chain": [
            log_context.add_told,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if json else []),
        ],
    }


def _renderer(json: bool) -> Any:
    if json:
        return structlog.processors.JSONRenderer()
    plain = structlog.dev.plain_traceback  # others print local variables: what people wrote
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)
