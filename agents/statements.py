"""Rows read and written by statements that are built once: what a start and an end of a run are made of.

Django builds a query anew each time it is asked, and its cursors look up and check their connection and translate the
text for each statement: together several times what SQLite takes to answer. These statements ask the models once how
their values are stored, go to the driver of a connection that is found once, and do nothing that is particular to one
model: no signals, no parents, no defaults of the database.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from operator import attrgetter
from typing import Any, NamedTuple, NoReturn, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model
from django.db.models.functions import Now
from django.db.models.sql import Query

M = TypeVar("M", bound=Model)
Adapter = Callable[[Any], Any] | None  # from a field's value to the driver's; None where they are the same
ADAPTED = ("UUIDField", "DateTimeField", "JSONField")  # the types of fields whose values are not the same everywhere


class Expression(NamedTuple):
    """A value that the database works out."""

    text: str
    parameters: tuple[Any, ...]


class Cursor:
    """A way to the database for one thread, until its transaction ends or its connection is closed.

    In statements `%s` marks a parameter, which has to be as the driver takes it (see `key`), and `%%` stands for `%`.
    Errors are Django's. While somebody watches (a log of queries, `connection.execute_wrapper`), statements go through
    Django's own cursor, which shows them.
    """

    __slots__ = ("_cursor", "_has_other_marks", "_has_uuids", "database", "vendor")

    def __init__(self) -> None:
        self.database = database = connections[DEFAULT_DB_ALIAS]
        self.vendor = database.vendor
        self._has_uuids = database.features.has_native_uuid_field
        database.ensure_connection()
        is_watched = database.queries_logged or database.execute_wrappers
        self._cursor: Any = database.cursor() if is_watched else database.connection.cursor()
        self._has_other_marks = self.vendor == "sqlite" and not is_watched

    def execute(self, text: str, parameters: Sequence[Any] = ()) -> int:
        """How many rows were changed."""
        if self._has_other_marks:
            text = text.replace("%s", "?").replace("%%", "%")
        try:
            self._cursor.execute(text, parameters)
            return self._cursor.rowcount  # type: ignore[no-any-return]
        except Exception:
            self._raise_as_django()

    def rows(self, text: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a statement answers, as the driver gives it."""
        self.execute(text, parameters)
        try:
            return self._cursor.fetchall()  # type: ignore[no-any-return]
        except Exception:
            self._raise_as_django()

    def key(self, key: uuid.UUID) -> Any:
        """The key as the database's driver takes and gives it: SQLite has no UUIDs."""
        return key if self._has_uuids else key.hex

    def uuid(self, key: Any) -> uuid.UUID:
        """The UUID of a key as the driver gives it."""
        return key if self._has_uuids else uuid.UUID(key)

    def later(self, than_now: timedelta) -> Expression:
        """So much later than now, by the database's clock."""
        return _database_time(self.vendor, than_now)

    def insert(self, model: type[Model], *rows: Mapping[str, Any], **expressions: Expression) -> None:
        """Store new rows of one model, in one statement.

        Each row gives the same fields, by their columns' attributes, in the same order. What neither it nor an
        expression gives has its default.
        """
        texts = tuple((name, expression.text) for name, expression in expressions.items())
        statement, group, adapters, defaults = _insertion(model, tuple(rows[0]), texts, self.vendor)
        rest = [value for expression in expressions.values() for value in expression.parameters] + defaults
        values: list[Any] = []
        for row in rows:
            values += _adapted(adapters, row.values())
            values += rest
        self.execute(statement + ", ".join([group] * len(rows)), values)

    def update(self, model: type[Model], pk: Any, **values: Any) -> None:
        """Change fields (by their column's attribute) of the row with this key."""
        statement, adapters = _change(model, tuple(values), self.vendor)
        self.execute(statement, _adapted(adapters, (*values.values(), pk)))

    def load(self, model: type[M], condition: str, *parameters: Any, only: tuple[str, ...] = ()) -> list[M]:
        """The rows that meet a condition in SQL, as QuerySet.filter (and `only`) would return them."""
        statement, names, converters = _selection(model, only, self.vendor)
        rows = self.rows(f"{statement} WHERE {condition}", parameters)
        return [model.from_db(DEFAULT_DB_ALIAS, names, self._converted(row, converters)) for row in rows]

    def _converted(self, row: Sequence[Any], converters: "Sequence[_Converter]") -> Sequence[Any]:
        values = list(row)
        for place, convert, column in converters:
            values[place] = convert(values[place], column, self.database)
        return values

    def _raise_as_django(self) -> NoReturn:
        """Raise the error at hand, as Django's if it is the driver's."""
        with self.database.wrap_database_errors:
            raise


def load(model: type[M], condition: str, *parameters: Any, only: tuple[str, ...] = ()) -> list[M]:
    """The rows that meet a condition, where no cursor is at hand: see Cursor.load."""
    return Cursor().load(model, condition, *parameters, only=only)


def db_key(key: uuid.UUID) -> Any:
    """The key as the database's driver takes and gives it."""
    return key if connection.features.has_native_uuid_field else key.hex


def made(model: type[M], values: Mapping[str, Any]) -> M:
    """The instance of a row that is stored with these values, by their columns' attributes, and defaults."""
    names, defaults = _defaults(model)
    row = {**defaults, **values}
    return model.from_db(DEFAULT_DB_ALIAS, names, [row[name] for name in names])


_Converter = tuple[int, Callable[..., Any], Any]


def _adapted(adapters: Sequence[Adapter], values: Any) -> list[Any]:
    return [
        value if adapt is None or value is None else adapt(value) for adapt, value in zip(adapters, values, strict=True)
    ]


def _adapter(field: Any) -> Adapter:
    """How a field's values become the driver's. They have to be of the field's type: nothing is checked here."""
    while field.remote_field:
        field = field.target_field
    kind = field.get_internal_type()
    if kind not in ADAPTED:
        return None
    if kind == "UUIDField":
        return None if connection.features.has_native_uuid_field else attrgetter("hex")
    if kind == "DateTimeField":
        return None if connection.vendor == "postgresql" else _as_text
    return partial(field.get_db_prep_save, connection=connection)


def _as_text(time: datetime) -> str:
    """A time as SQLite holds it: UTC, without saying so."""
    return str(time.astimezone(UTC).replace(tzinfo=None))


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


@cache
def _database_time(vendor: str, plus: timedelta) -> Expression:
    query = Query(None)
    text, parameters = query.get_compiler(connection=connection).compile((Now() + plus).resolve_expression(query))
    return Expression(text, tuple(parameters))


@cache
def _selection(model: type[Model], only: tuple[str, ...], vendor: str) -> tuple[str, list[str], list[_Converter]]:
    fields = [field for field in model._meta.concrete_fields if not only or field.primary_key or field.attname in only]
    columns = [field.get_col(model._meta.db_table) for field in fields]
    converters = [
        (place, convert, column)
        for place, column in enumerate(columns)
        for convert in (*connection.ops.get_db_converters(column), *column.get_db_converters(connection))
    ]
    table = _table(model)
    names = ", ".join(f"{table}.{_quoted(field)}" for field in fields)
    text = f"SELECT {names} FROM {table}"  # noqa: S608 - the models' own names, as in the two below
    return text, [field.attname for field in fields], converters


@cache
def _defaults(model: type[Model]) -> tuple[list[str], dict[str, Any]]:
    """The fields of a model, and the values of those that are the same in each new row."""
    fields = model._meta.concrete_fields
    same = {field.attname: field.get_default() for field in fields if _is_same_for_all(field)}
    return [field.attname for field in fields], same


def _is_same_for_all(field: Any) -> bool:
    is_clock = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return not (field.primary_key or is_clock or (field.has_default() and callable(field.default)))


@cache
def _insertion(
    model: type[Model], names: tuple[str, ...], texts: tuple[tuple[str, str], ...], vendor: str
) -> tuple[str, str, list[Adapter], list[Any]]:
    """The statement up to its groups of values, one group, how its values are adapted, and the defaults after them."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    given = [*names, *(name for name, _ in texts)]
    rest = [field for name, field in fields.items() if name not in given]
    marks = ", ".join(["%s"] * len(names) + [text for _, text in texts] + ["%s"] * len(rest))
    columns = ", ".join(_quoted(field) for field in (*map(fields.__getitem__, given), *rest))
    statement = f"INSERT INTO {_table(model)} ({columns}) VALUES "  # noqa: S608 - as above
    return statement, f"({marks})", [_adapter(fields[name]) for name in names], [_stored_default(one) for one in rest]


def _stored_default(field: Any) -> Any:
    """A default as the driver takes it; an empty list is the same for all there."""
    if not (_is_same_for_all(field) or field.default in {list, dict}):
        raise TypeError(f"{field} has no default that all rows share: give its value.")
    return field.get_db_prep_save(field.get_default(), connection)


@cache
def _change(model: type[Model], names: tuple[str, ...], vendor: str) -> tuple[str, list[Adapter]]:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    fields = [by_name[name] for name in names]
    changes = ", ".join(f"{_quoted(field)} = %s" for field in fields)
    key = model._meta.pk
    statement = f"UPDATE {_table(model)} SET {changes} WHERE {_quoted(key)} = %s"  # noqa: S608 - as above
    return statement, [_adapter(field) for field in (*fields, key)]
