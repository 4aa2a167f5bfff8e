"""`manage.py prune_runs`: delete the events of runs that ended long ago."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from chat.retention import prune_batch

LONGEST = 36_500  # days, as RUN_EVENT_RETENTION_DAYS


class Command(BaseCommand):
    help = "Delete the events of runs that ended more than RUN_EVENT_RETENTION_DAYS ago. Messages stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=settings.RUN_EVENT_RETENTION_DAYS, metavar="N")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["days"] <= LONGEST:
            raise CommandError(f"--days is 0 to {LONGEST:,}.")
        total = 0
        while True:
            with transaction.atomic():
                count = prune_batch(options["days"])
            if not count:
                break
            total += count
            self.stdout.write(f"{total} runs pruned …")
        self.stdout.write(f"Done: the events of {total} runs are gone.")
