"""What log lines say beside their message: `request_id`, `caller` and `run_id`, as far as they are known.

It travels with the context of a task or a thread, so that nobody passes it on.
"""

import contextvars
from collections.abc import Mapping
from types import MappingProxyType

from structlog.typing import EventDict

NOTHING: Mapping[str, str] = MappingProxyType({})
_told: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("told", default=NOTHING)


def begin(request_id: str) -> None:
    """A request or a socket begins: whatever was told before is forgotten."""
    _told.set({"request_id": request_id})


def tell_caller(name: str) -> None:
    """From here on it is known who asks."""
    _told.set({**_told.get(), "caller": name})


def tell_run(run_id: object) -> None:
    """From here on everything is about this run."""
    _told.set({**_told.get(), "run_id": str(run_id)})


def carried() -> contextvars.Context:
    """An empty context, but for what log lines say: nothing of a request is kept alive by it."""
    context = contextvars.Context()
    context.run(_told.set, _told.get())
    return context


def add_told(logger: object, method: str, line: EventDict) -> EventDict:
    """structlog's processor: a line says all of it, where it does not say it for itself."""
    for name, value in _told.get().items():
        line.setdefault(name, value)
    return line
