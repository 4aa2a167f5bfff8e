"""The one place where asynchronous code reaches the database: a few threads, each with a connection of its own.

Views and consumers that stream or wait call `in_database` for each short piece of work, so that neither a thread nor
a connection is held while nothing happens.
"""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, connection

from chat import log_context
from chat.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")
READERS = 4

_readers = Threads(READERS, "database")


def with_connection(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that uses the database. After an error of the database its connection is replaced.

    The thread is ours, and there are few: on SQLite it keeps its connection, opening one costs more than a query.
    On PostgreSQL the connection goes back to the pool.
    """
    try:
        return function(*args, **kwargs)
    except (DatabaseError, InterfaceError):
        if not connection.in_atomic_block:
            connection.close()
        raise
    finally:
        if connection.vendor != "sqlite" and not connection.in_atomic_block:
            connection.close()


async def in_database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a short function that uses the database on one of the reader threads."""
    context = log_context.carried()  # an inherited context would keep the request and its thread alive
    return await _readers.run(partial(context.run, partial(with_connection, function, *args, **kwargs)))
