"""What both backends add: they note transactions that store events, and ask at their commits whether to die."""

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.faults.switches import Commits

commits = Commits()


class CrashingCommits(BaseDatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stores_events = False
        self.execute_wrappers.append(self._note)

    def _note(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith(("INSERT INTO chat_runevent", 'INSERT INTO "chat_runevent"')):
            self.stores_events = True
        return execute(sql, params, many, context)

    def _commit(self) -> None:
        side = commits.due() if self.stores_events else ""
        self.stores_events = False
        if side == "before":
            commits.die()
        super()._commit()
        if side == "after":
            commits.die()

    def _rollback(self) -> None:
        self.stores_events = False
        super()._rollback()
