"""`manage.py create_api_key USERNAME`: make a key for a program, and print it once."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from chat.audit import Action, record
from chat.models import ApiKey
from chat.models.access import Scope


class Command(BaseCommand):
    help = "Make an API key for a user (made at need) and print it. It is shown this once; only its hash is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--scope", action="append", choices=Scope.values, help="May be given twice. Default: chat.")
        parser.add_argument("--expires-days", type=int, metavar="N", help="Days until the key stops working.")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["expires_days"]
        if days is not None and not 1 <= days <= 36500:
            raise CommandError("--expires-days is a number of days from 1 to 36500.")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        scopes = sorted(set(options["scope"] or [Scope.CHAT.value]))
        with transaction.atomic():
            user = self._user(options["username"])
            key, text = ApiKey.objects.issue(user.pk, scopes=scopes, expires_at=expires_at)
            record(Action.API_KEY_CREATED, of=key, owner_id=user.pk, scopes=scopes, days=days)
        self.stdout.write(text)
        until = f"until {expires_at:%Y-%m-%d}" if expires_at else "without an end"
        self.stderr.write(
            f"For {user.get_username()}, scopes {', '.join(scopes)}, {until}. It will not be shown again."
        )

    def _user(self, username: str) -> Any:
        """The user of that name, made at need."""
        users = get_user_model().objects
        found = users.filter(username=username).first()
        if found is None:
            found = users.create_user(username)
            record(Action.USER_CREATED, of=found)
        return found
