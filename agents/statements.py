"""Rows read and written by statements that are built once: what a start and an end of a run are made of.

Django builds a query anew each time it is asked, which costs several times what SQLite takes to answer it. These
functions ask the models how their values are stored, keep the text of each statement, and do nothing that is
particular to one model: no signals, no parents, no defaults of the database.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Model
from django.db.models.functions import Now
from django.db.models.sql import Query

M = TypeVar("M", bound=Model)


class Expression(NamedTuple):
    """A value that the database works out."""

    text: str
    parameters: tuple[Any, ...]


def database_time(*, plus: timedelta) -> Expression:
    """So much later than now, by the database's clock."""
    return _database_time(connection.vendor, plus)


def db_key(key: uuid.UUID) -> Any:
    """The key as the database's driver takes and gives it: SQLite has no UUIDs."""
    return key if connection.features.has_native_uuid_field else key.hex


def load(model: type[M], condition: str, *parameters: Any, only: tuple[str, ...] = ()) -> list[M]:
    """The rows that meet a condition in SQL, as QuerySet.filter (and `only`) would return them.

    `%s` marks a parameter, which has to be as the driver takes it.
    """
    statement, names, converters = _selection(model, only, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} WHERE {condition}", parameters)
        rows = cursor.fetchall()
    return [model.from_db(connection.alias, names, _converted(row, converters)) for row in rows]


def count(model: type[Model], condition: str, *parameters: Any) -> int:
    """How many rows meet a condition in SQL, as `load` takes it."""
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {condition}", parameters)  # noqa: S608 - the model's own name
        return int(cursor.fetchone()[0])


def insert(*rows: M, **expressions: Expression) -> None:
    """Store new rows of one model, in one statement. An expression stands in for a field's value."""
    statement, fields = _insertion(type(rows[0]), connection.vendor)
    marks: list[str] = []
    values: list[Any] = []
    for row in rows:
        for field in fields:
            text, parameters = expressions.get(field.name) or _stored(field, field.pre_save(row, True))
            marks.append(text)
            values.extend(parameters)
        row._state.adding, row._state.db = False, connection.alias
    width = len(fields)
    groups = [f"({', '.join(marks[at : at + width])})" for at in range(0, len(marks), width)]
    with connection.cursor() as cursor:
        cursor.execute(statement + ", ".join(groups), values)


def update(model: type[Model], pk: Any, **values: Any) -> None:
    """Change fields (by their column's attribute) of the row with this key."""
    statement, fields = _change(model, tuple(values), connection.vendor)
    given = (*values.values(), pk)
    parameters = [field.get_db_prep_save(value, connection) for field, value in zip(fields, given, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _stored(field: Any, value: Any) -> Expression:
    return Expression("%s", (field.get_db_prep_save(value, connection),))


def _converted(row: Sequence[Any], converters: Sequence[tuple[int, Callable[..., Any], Any]]) -> Sequence[Any]:
    values = list(row)
    for place, convert, column in converters:
        values[place] = convert(values[place], column, connection)
    return values


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)


@cache
def _database_time(vendor: str, plus: timedelta) -> Expression:
    query = Query(None)
    text, parameters = query.get_compiler(connection=connection).compile((Now() + plus).resolve_expression(query))
    return Expression(text, tuple(parameters))


@cache
def _selection(
    model: type[Model], only: tuple[str, ...], vendor: str
) -> tuple[str, list[str], list[tuple[int, Callable[..., Any], Any]]]:
    fields = [field for field in model._meta.concrete_fields if not only or field.primary_key or field.attname in only]
    table = connection.ops.quote_name(model._meta.db_table)
    columns = [field.get_col(model._meta.db_table) for field in fields]
    converters = [
        (place, convert, column)
        for place, column in enumerate(columns)
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection))
    ]
    names = ", ".join(f"{table}.{_quoted(field)}" for field in fields)
    text = f"SELECT {names} FROM {table}"  # noqa: S608 - the models' own names, as in the two below
    return text, [field.attname for field in fields], converters


@cache
def _insertion(model: type[Model], vendor: str) -> tuple[str, list[Any]]:
    fields = [field for field in model._meta.concrete_fields if not (field.primary_key and field.db_returning)]
    names = ", ".join(_quoted(field) for field in fields)
    return f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({names}) VALUES ", fields  # noqa: S608 - as above


@cache
def _change(model: type[Model], names: tuple[str, ...], vendor: str) -> tuple[str, list[Any]]:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in names]
    changes = ", ".join(f"{_quoted(field)} = %s" for field in fields)
    table, key = connection.ops.quote_name(model._meta.db_table), model._meta.pk
    return f"UPDATE {table} SET {changes} WHERE {_quoted(key)} = %s", [*fields, key]  # noqa: S608 - as above
