"""What a server has stored, read past it: from its database."""

import hashlib
import json
import secrets
import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from tests.product import Product

NO_PASSWORD = "!"
ALL_SCOPES = ("chat", "agents")
TABLES = ("chat_conversation", "chat_message", "chat_run")  # those of events grow while somebody else's run goes on


def select(server: Product, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Rows of a query, with `?` for arguments; ids are given and come back as 32 hexadecimal digits on SQLite."""
    url = server.state.database_url
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as connection:
            return list(connection.execute(query, arguments))
    with psycopg.connect(url) as connection:
        return list(connection.execute(query.replace("?", "%s"), arguments))


def execute(server: Product, statement: str, *arguments: Any) -> None:
    url = server.state.database_url
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as connection, connection:
            connection.execute(statement, arguments)
        return
    with psycopg.connect(url) as connection:
        connection.execute(statement.replace("?", "%s"), arguments)


def counts(server: Product) -> dict[str, int]:
    """How many conversations, messages and runs are stored: what a request that is refused must not change."""
    return {table: select(server, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}  # noqa: S608 - our names


def make_user(server: Product, *, password: str = NO_PASSWORD, is_staff: bool = False) -> str:
    """Somebody new, with a hashed password or none; the name."""
    name = secrets.token_hex(4)
    execute(
        server,
        "INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser, is_staff, is_active,"
        " date_joined) VALUES (?, ?, '', '', '', ?, ?, ?, CURRENT_TIMESTAMP)",
        name, password, is_staff, is_staff, True,
    )  # fmt: skip
    return name


def make_key(server: Product, name: str, *scopes: str) -> str:
    """A key of that person, with all scopes unless some are named; its prefix is the part before the dot."""
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    execute(
        server,
        "INSERT INTO chat_apikey (user_id, prefix, digest, scopes, created_at)"
        " SELECT id, ?, ?, ?, CURRENT_TIMESTAMP FROM auth_user WHERE username = ?",
        prefix, hashlib.sha256(secret.encode()).hexdigest(), json.dumps(scopes or ALL_SCOPES), name,
    )  # fmt: skip
    return f"{prefix}.{secret}"


def make_person(server: Product) -> str:
    """Somebody new, with a key of all scopes; the key."""
    return make_key(server, make_user(server))


def key(server: Product, identifier: str) -> str:
    """An id as the server's database spells it."""
    return identifier.replace("-", "") if server.state.database_url.startswith("sqlite") else identifier
