from collections import OrderedDict, UserDict, deque, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from tools.jsonable import clean_text, jsonable


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    YES = "yes"


class Thing(Enum):
    PAIR = (1, "a")


@dataclass
class Leg:
    to: str
    at: datetime | None = None
    rest: list["Leg"] = field(default_factory=list)


class Trip(BaseModel):
    legs: list[Leg]
    price: Decimal = Field(Decimal("1.10"), serialization_alias="cost")


class Row(msgspec.Struct):
    trip: Trip
    tags: set[str]


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1, 1),
        (1.5, 1.5),
        ("text", "text"),
        ({"a": [1, (2, 3)]}, {"a": [1, [2, 3]]}),
        ({1: "a", None: "b", Word.YES: "c", 2.5: "d", date(2026, 1, 2): "e"},
         {"1": "a", "None": "b", "yes": "c", "2.5": "d", "2026-01-02": "e"}),
        (Number.ONE, 1),
        (Word.YES, "yes"),
        (Thing.PAIR, [1, "a"]),
        (Pair(1, 2), [1, 2]),
        (deque([Number.ONE]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ({"only"}, ["only"]),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=5), "PT5M"),
        (Decimal("0.10"), "0.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("a/b"), "a/b"),
        (b"bytes", "bytes"),
        (float("nan"), "NaN"),
        ([float("inf"), -float("inf")], ["Infinity", "-Infinity"]),
        (2**64 - 1, 2**64 - 1),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        (Leg("Rome", rest=[Leg("Bari")]),
         {"to": "Rome", "at": None, "rest": [{"to": "Bari", "at": None, "rest": []}]}),
        (Row(Trip(legs=[Leg("Rome")]), {"x"}),
         {"trip": {"legs": [{"to": "Rome", "at": None, "rest": []}], "cost": "1.10"}, "tags": ["x"]}),
    ],
    ids=repr,
)  # fmt: skip
def test_values_become_json(value, expected):
    assert jsonable(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Köln 😀", "Köln 😀"),
        ("a\0b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_text_that_databases_refuse_is_mended(text, expected):
    assert clean_text(text) == expected
    assert jsonable({text: [text]}) == {expected: [expected]}


def test_a_value_that_contains_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="nested"):
        jsonable(value)


def test_values_may_be_nested_sixty_levels_deep():
    value = []
    for _ in range(60):
        value = [value]
    assert jsonable(value) == value


@pytest.mark.parametrize(
    "value", [object(), iter([]), (n for n in [1]), Leg, 10**5000], ids=lambda value: type(value).__name__
)
def test_what_has_no_json_form_raises(value):
    with pytest.raises((TypeError, ValueError)):
        jsonable({"value": value})


@given(st.text(st.characters()))
def test_cleaned_text_can_always_be_stored(text):
    clean = clean_text(text)
    clean.encode()
    assert "\0" not in clean
    assert clean_text(clean) == clean
