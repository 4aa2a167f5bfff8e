"""What both backends add: they note which tables a transaction adds rows to, and ask at its commit whether to die.

Statements are noted where they reach the driver, as not all of them come through Django's cursors. One that is not in a
transaction is one by itself.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.faults.switches import Commits

commits = Commits()
INSERT = re.compile(r'INSERT (?:OR \w+ )?INTO "?(\w+)')


class CrashingCommits(BaseDatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tables: set[str] = set()

    @contextmanager
    def executing(self, statement: Any, *, commits_itself: bool) -> Iterator[None]:
        found = INSERT.search(str(statement))
        if found is not None:
            self.tables.add(found[1])
        if found is not None and commits_itself:
            with self._committing():
                yield
        else:
            yield

    def _commit(self) -> None:
        with self._committing():
            super()._commit()

    def _rollback(self) -> None:
        self.tables.clear()
        super()._rollback()

    @contextmanager
    def _committing(self) -> Iterator[None]:
        side = commits.due(self.tables)
        self.tables.clear()
        if side == "before":
            commits.die()
        yield
        if side == "after":
            commits.die()
