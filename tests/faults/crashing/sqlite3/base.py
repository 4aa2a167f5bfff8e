import sqlite3
from typing import Any

from django.db.backends.sqlite3 import base

from tests.faults.crashing.commits import CrashingCommits


class NotingConnection(sqlite3.Connection):
    wrapper: "DatabaseWrapper"

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        return super().cursor(noting(factory))


class NotingCursor(sqlite3.Cursor):
    connection: NotingConnection

    def execute(self, query: str, *args: Any) -> Any:
        with self.connection.wrapper.executing(query, commits_itself=not self.connection.in_transaction):
            return super().execute(query, *args)


class NotingDjangoCursor(base.SQLiteCursorWrapper, NotingCursor):
    """Django's writes parameters in its own way, and then has its base execute the statement: that one notes it."""


def noting(factory: Any) -> type[sqlite3.Cursor]:
    return NotingDjangoCursor if factory is base.SQLiteCursorWrapper else NotingCursor


class DatabaseWrapper(CrashingCommits, base.DatabaseWrapper):
    def get_new_connection(self, conn_params: Any) -> Any:
        connection: Any = super().get_new_connection({**conn_params, "factory": NotingConnection})
        connection.wrapper = self
        return connection
