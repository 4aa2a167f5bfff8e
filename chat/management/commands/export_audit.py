"""`manage.py export_audit`: the audit log for another system, on standard output."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from chat.audit import Action, record
from chat.audit.export import ENCODERS, batches, head
from chat.models import AuditEntry


class Command(BaseCommand):
    help = "Print the audit log, the oldest entry first. Times without a zone are UTC."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", metavar="TIME", help="A date or a time, such as 2026-11-01 or 2026-11-01T09:30.")
        parser.add_argument("--format", choices=list(ENCODERS), default="jsonl")

    def handle(self, *args: Any, **options: Any) -> None:
        entries = AuditEntry.objects.all()
        if options["since"]:
            entries = entries.since(moment(options["since"]))
        count, kind = entries.count(), options["format"]
        record(Action.AUDIT_EXPORTED, format=kind, entries=count)
        self.stdout.write(head(kind), ending="")
        for rows in batches(entries):
            self.stdout.write(ENCODERS[kind](rows), ending="")


def moment(text: str) -> datetime:
    """A date or a time as people write it. Raises CommandError."""
    try:
        day, found = parse_date(text), parse_datetime(text)
    except ValueError:
        day = found = None
    if day is not None:
        found = datetime.combine(day, datetime.min.time())
    if found is None:
        raise CommandError(f"--since is {text!r}: write a date such as 2026-11-01, or a time such as 2026-11-01T09:30.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)
