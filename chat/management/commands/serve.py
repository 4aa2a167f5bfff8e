"""`manage.py serve`: the launcher. Daphne, with a start that says what runs and a stop that loses nothing."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.server import ChatServer


class Command(BaseCommand):
    help = "Serve HTTP and WebSockets on HOST:PORT. Several of these make a cluster when they share database and Redis."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        server = ChatServer(host=options["host"], port=options["port"], say=self.stdout.write)
        server.run()
        if server.failure:
            raise CommandError(server.failure)
