"""`manage.py start`: what `make run` does once all is installed, in one process: each takes seconds to start."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections


class Command(BaseCommand):
    help = "Bring the database up to date, make sure that somebody can sign in to the admin, then serve."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        call_command("create_admin", stdout=self.stdout)
        connections.close_all()  # the server's threads open their own
        call_command("serve", stdout=self.stdout)
