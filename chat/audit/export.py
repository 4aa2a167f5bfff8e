"""The audit log for elsewhere: as CSV or as JSON lines, the oldest entry first, a batch at a time."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Literal

from django.core.serializers.json import DjangoJSONEncoder

from chat.database import in_database
from chat.models import AuditEntry
from chat.models.audit import AuditQuerySet

BATCH = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would compute
COLUMNS = [field.name for field in AuditEntry._meta.concrete_fields]
Format = Literal["csv", "jsonl"]


def batches(entries: AuditQuerySet) -> Iterator[list[AuditEntry]]:
    """All of the entries in the order in which they were added, with one short query a batch."""
    last = 0
    while rows := _after(entries, last):
        yield rows
        last = rows[-1].pk


async def stream(entries: AuditQuerySet, kind: Format) -> AsyncIterator[str]:
    """An export as the pieces of a response: no thread is held between two of them."""
    yield head(kind)
    last = 0
    while rows := await in_database(_after, entries, last):
        yield ENCODERS[kind](rows)
        last = rows[-1].pk


def head(kind: Format) -> str:
    return _row(COLUMNS) if kind == "csv" else ""


def as_json_lines(rows: list[AuditEntry]) -> str:
    return "".join(f"{_json(row.as_dict())}\n" for row in rows)


def as_csv(rows: list[AuditEntry]) -> str:
    """Cells that a spreadsheet would take for a formula get an apostrophe: names are people's to choose."""
    return "".join(_row([_cell(value) for value in row.as_dict().values()]) for row in rows)


ENCODERS: dict[Format, Callable[[list[AuditEntry]], str]] = {"csv": as_csv, "jsonl": as_json_lines}


def _after(entries: AuditQuerySet, last: int) -> list[AuditEntry]:
    return list(entries.filter(pk__gt=last).order_by("pk")[:BATCH])


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _row(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else _json(value).strip('"')
    return f"'{text}" if text.startswith(FORMULA) else text
