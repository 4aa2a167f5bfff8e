from typing import Any

from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from tests.faults.crashing.commits import CrashingCommits


class NotingCursor(base.Cursor):  # type: ignore[misc]
    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        connection = self.connection
        alone = connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE
        with connection.wrapper.executing(query, commits_itself=alone):
            return super().execute(query, *args, **options)


class DatabaseWrapper(CrashingCommits, base.DatabaseWrapper):
    def get_new_connection(self, conn_params: Any) -> Any:
        """One of the pool, maybe: it asks whoever has it."""
        connection: Any = super().get_new_connection(conn_params)
        connection.wrapper, connection.cursor_factory = self, NotingCursor
        return connection
