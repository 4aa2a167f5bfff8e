from typing import Any

from django.db.backends.sqlite3 import base

from tests.faults.crashing.commits import CrashingCommits


class DatabaseWrapper(CrashingCommits, base.DatabaseWrapper):
    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.set_trace_callback(self.note)
        return connection
