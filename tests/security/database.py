"""Everything that a server has stored, as one text: what must not be in it is looked for in every table."""

import sqlite3
from contextlib import closing

import psycopg
from psycopg import sql

from tests.product import Product


def everything(server: Product) -> str:
    """Each row of each table on a line, behind the table's name."""
    url = server.state.database_url
    return _of_sqlite(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else _of_postgres(url)


def _of_sqlite(path: str) -> str:
    with closing(sqlite3.connect(path, timeout=20)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return "\n".join(
            f"{table} {row}"
            for table in tables
            for row in connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name out of the database
        )


def _of_postgres(url: str) -> str:
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            f"{table} {row}"
            for (table,) in names
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
        )
