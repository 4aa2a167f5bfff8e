"""What both backends add: they note which tables a transaction adds rows to, and ask at its commit whether to die.

Statements are noted where they reach the driver, as not all of them come through Django's cursors.
"""

import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.faults.switches import Commits

commits = Commits()
INSERT = re.compile(r'INSERT (?:OR \w+ )?INTO "?(\w+)')


class CrashingCommits(BaseDatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tables: set[str] = set()

    def note(self, statement: Any) -> None:
        found = INSERT.match(str(statement))
        if found is not None:
            self.tables.add(found[1])

    def _commit(self) -> None:
        side = commits.due(self.tables)
        self.tables.clear()
        if side == "before":
            commits.die()
        super()._commit()
        if side == "after":
            commits.die()

    def _rollback(self) -> None:
        self.tables.clear()
        super()._rollback()
