"""`manage.py delete_user USERNAME`: a user and all that is theirs, for good."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.account import delete_account, find_user, reason_to_keep
from chat.models import Conversation


class Command(BaseCommand):
    help = "Delete a user with their conversations, runs, keys and sessions. Audit entries stay, without the name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument("--wait", type=float, default=10, metavar="SECONDS", help="For active runs to stop.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["username"]
        user = find_user(name)
        if user is None:
            raise CommandError(f"There is no user {name!r}.")
        if reason := reason_to_keep(user):
            raise CommandError(reason)
        if not options["yes"]:
            self._ask(user)
        delete_account(user, progress=self.stdout.write, wait=options["wait"])
        self.stdout.write(f"Done: {name} is gone. Backups and exports hold them still.")

    def _ask(self, user: Any) -> None:
        count = Conversation.objects.owned_by(user.pk).count()
        self.stdout.write(f"This deletes {user.get_username()} with {count} conversations. It cannot be undone.")
        try:
            answer = input("Type the name again to go on: ")
        except EOFError:
            answer = ""
        if answer != user.get_username():
            raise CommandError("Nothing was deleted.")
