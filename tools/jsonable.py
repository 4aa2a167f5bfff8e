"""Any value that a tool returns -> JSON values that every reader takes: encoders, browsers and databases."""

import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

MAX_DEPTH = 64  # deeper values meet the limits of other people's parsers
INT_MIN, INT_MAX = -(2**63), 2**64 - 1


def jsonable(value: Any, *, depth: int = 0) -> Any:
    """The value as None, bool, int, float, str, list and dict.

    Dates become ISO 8601, Decimals and integers beyond 64 bits text (numbers would lose digits), NaN and infinities
    the words "NaN", "Infinity" and "-Infinity". NUL and lone surrogates, which databases refuse, become U+FFFD. Raises
    TypeError or ValueError for what has no JSON form.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"The value is nested more than {MAX_DEPTH} levels deep, or contains itself")
    match value:
        case None | str() | bool() | int() | float():
            return _scalar(value)
        case dict() | Mapping():
            return {_key(key): jsonable(item, depth=depth + 1) for key, item in value.items()}
        case list() | tuple() | Set():
            return [jsonable(item, depth=depth + 1) for item in value]
        case Iterator():
            raise TypeError("An iterator is not a value: return a list")
        case _:
            return jsonable(_opened(value), depth=depth)


def clean_text(text: str) -> str:
    """The text with U+FFFD in place of NUL and lone surrogates; surrogate pairs become the character they spell."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")


def _opened(value: Any) -> Any:
    """One level of a value with a structure of its own, in terms of simpler values."""
    match value:
        case BaseModel():
            return value.model_dump(by_alias=True)
        case msgspec.Struct():
            return msgspec.structs.asdict(value)
        case Enum():
            return value.value
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        case _:
            return to_jsonable_python(value, inf_nan_mode="strings")


def _scalar(value: str | float | None) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return clean_text(str.__str__(value))
        case int():
            return int(value) if INT_MIN <= value <= INT_MAX else str(value)
        case _:
            return float(value) if math.isfinite(value) else _word(value)


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"


def _key(key: Any) -> str:
    return clean_text(str.__str__(key) if isinstance(key, str) else next(iter(to_jsonable_python({key: None}))))
