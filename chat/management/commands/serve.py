"""`manage.py serve`: the launcher. Daphne, with a start that says what runs and a stop that loses nothing."""

import logging
import os
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connections

from chat.api.health import MigrationsMissing, check_migrations
from chat.server import ChatServer, Patience
from tools.execution import THREADS

log = logging.getLogger(__name__)
GRACE_SECONDS = 1.0


class Command(BaseCommand):
    help = "Serve HTTP and WebSockets on HOST:PORT. Several of these make a cluster when they share database and Redis."

    patience = Patience()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        self._check_database()
        say = log.info if settings.LOG_FORMAT == "json" else self.stdout.write  # whoever parses lines gets no other
        server = ChatServer(host=options["host"], port=options["port"], say=say, patience=self.patience)
        server.run()
        if server.failure:
            raise CommandError(server.failure)
        leave_stuck_threads()

    def _check_database(self) -> None:
        """Refuse a database that the code cannot use; one that is only late is waited for by the server itself."""
        try:
            check_migrations()
        except MigrationsMissing:
            raise CommandError("The database lacks tables: run `manage.py migrate` first.") from None
        except OperationalError:
            self.stderr.write("The database cannot be reached yet; /health/ready will say when it can.")
        finally:
            connections.close_all()


def leave_stuck_threads() -> None:
    """Exit although a tool's thread hangs: Python would wait for it for ever."""
    THREADS.shutdown(wait=False, cancel_futures=True)
    give_up = time.monotonic() + GRACE_SECONDS
    while any(thread.name.startswith("tool") for thread in threading.enumerate()):
        if time.monotonic() > give_up:
            logging.shutdown()
            os._exit(0)
        time.sleep(0.05)
