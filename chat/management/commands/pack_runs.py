"""`manage.py pack_runs`: pack the events of runs that have ended, now rather than by and by."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.packing import BEFORE_ALL, pack_run, runs_to_pack

LONGEST = 1_000_000_000  # seconds, as PACK_EVENTS_AFTER_SECONDS
TELL_EVERY = 100  # runs


class Command(BaseCommand):
    help = "Pack the events of runs that ended more than PACK_EVENTS_AFTER_SECONDS ago. Servers may run meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--after", type=int, default=settings.PACK_EVENTS_AFTER_SECONDS, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["after"] <= LONGEST:
            raise CommandError(f"--after is 0 to {LONGEST:,}.")
        runs = events = 0
        last = BEFORE_ALL
        while found := runs_to_pack(options["after"], last):
            for last in found:
                packed = sum(made.last_seq - made.first_seq + 1 for made in pack_run(last))
                runs, events = runs + bool(packed), events + packed
                if packed and runs % TELL_EVERY == 0:
                    self.stdout.write(f"{events} events of {runs} runs packed …")
        self.stdout.write(f"Done: {events} events of {runs} runs are packed.")
