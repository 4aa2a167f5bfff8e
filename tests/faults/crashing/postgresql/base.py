from typing import Any

from django.db.backends.postgresql import base

from tests.faults.crashing.commits import CrashingCommits


class NotingCursor(base.Cursor):  # type: ignore[misc]
    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        self.connection.note(query)
        return super().execute(query, *args, **options)


class DatabaseWrapper(CrashingCommits, base.DatabaseWrapper):
    def get_new_connection(self, conn_params: Any) -> Any:
        """One of the pool, maybe: it notes for whoever has it."""
        connection: Any = super().get_new_connection(conn_params)
        connection.note, connection.cursor_factory = self.note, NotingCursor
        return connection
