"""The one place where asynchronous code reaches the database: a few threads, each with a connection of its own.

Views and consumers that stream or wait call `in_database` for each short piece of work, so that neither a thread nor
a connection is held while nothing happens.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from chat import log_context
from chat.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")
READERS = 4
WRITER = "journal"  # what the one thread that writes is called
WRITER_CACHE = 8192  # KiB of SQLite's pages: each run goes on at a page of its own, and there may be a thousand

_readers = Threads(READERS, "database")


@receiver(connection_created)
def keep_pages_for_the_writer(connection: Any, **_: Any) -> None:
    """More than the settings say for all connections, with which it would read a page anew for nearly each event."""
    if connection.vendor == "sqlite" and threading.current_thread().name.startswith(WRITER):
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size = -{WRITER_CACHE}")


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
