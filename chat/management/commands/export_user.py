"""`manage.py export_user USERNAME`: everything about one user, as files of JSON lines in a folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from chat.account import export, find_user
from chat.audit import Action, record

TELL_EVERY = 10_000


class Command(BaseCommand):
    help = "Write everything about a user into a new folder: one file of JSON lines for each kind of row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--to", metavar="FOLDER", type=Path, help="Default: export-USERNAME, in the current folder."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = find_user(options["username"])
        if user is None:
            raise CommandError(f"There is no user {options['username']!r}.")
        folder = options["to"] or Path(f"export-{user.get_username()}")
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise CommandError(f"{folder} cannot be made ({error.strerror}): name a new folder with --to.") from None
        record(Action.USER_EXPORTED, of=user)
        for name, rows in export(user):
            count = self._write(folder / f"{name}.jsonl", rows)
            self.stdout.write(f"{count:>9} {name}")
        self.stdout.write(f"Done: {folder}")

    def _write(self, path: Path, rows: Iterator[dict[str, Any]]) -> int:
        count = 0
        with path.open("x", encoding="utf-8") as file:
            for count, row in enumerate(rows, 1):
                file.write(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n")
                if count % TELL_EVERY == 0:
                    self.stdout.write(f"{count:>9} {path.stem} …")
        return count
