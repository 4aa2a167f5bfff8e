"""What log lines say beside their message: `request_id`, `caller` and `run_id`, as far as they are known.

It travels with the context of a task or a thread, so that nobody passes it on.
"""

import contextvars

from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars


def begin(request_id: str) -> None:
    """A request or a socket begins: whatever was told before is forgotten."""
    clear_contextvars()
    bind_contextvars(request_id=request_id)


def tell_caller(name: str) -> None:
    """From here on it is known who asks."""
    bind_contextvars(caller=name)


def tell_run(run_id: object) -> None:
    """From here on everything is about this run."""
    bind_contextvars(run_id=str(run_id))


def carried() -> contextvars.Context:
    """An empty context, but for what log lines say: nothing of a request is kept alive by it."""
    told = get_contextvars()
    context = contextvars.Context()
    if told:
        context.run(lambda: bind_contextvars(**told))
    return context
