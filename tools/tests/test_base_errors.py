"""Functions that cannot be tools."""

from functools import partial

import pytest

from tools.base import Tool, ToolContext, tool
from tools.exceptions import ToolDefinitionError


def undocumented(a: int) -> int:
    return a


def only_arguments(a: int) -> int:
    """:param a: A number."""


def untyped(a) -> int:
    """Doc."""


def many(*a: int) -> int:
    """Doc."""


def named(**a: int) -> int:
    """Doc."""


def positional(a: int, /) -> int:
    """Doc."""


def unresolved(a: "Missing") -> int:  # noqa: F821
    """Doc."""


def unsupported(a: int) -> int:
    """Doc."""


class Opaque:
    pass


unsupported.__annotations__["a"] = Opaque


def callback(a: int) -> int:
    """Doc."""


callback.__annotations__["a"] = type(lambda: None)


def two_contexts(a: ToolContext, b: ToolContext) -> int:
    """Doc."""


def generator():
    """Doc."""
    yield 1


async def async_generator():
    """Doc."""
    yield 1


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (undocumented, "undocumented has no docstring"),
        (only_arguments, "without a description"),
        (untyped, "parameter 'a' without a type"),
        (many, "parameter 'a' that takes any number of values"),
        (named, "parameter 'a' that takes any names"),
        (positional, "parameter 'a' that is positional-only"),
        (unresolved, "'Missing' is not defined"),
        (unsupported, "parameter 'a' of a type that has no JSON form: .*Opaque"),
        (callback, "parameter 'a' of a type that has no JSON form"),
        (two_contexts, "parameter 'b' that is a second ToolContext"),
        (generator, "yields"),
        (async_generator, "yields"),
        (partial(undocumented, 1), "is not a function"),
        (Opaque, "is not a function"),
    ],
)
def test_an_unfit_function_is_refused_with_what_to_change(function, problem):
    with pytest.raises(ToolDefinitionError, match=problem):
        Tool.from_function(function)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": ""}, "cannot name a tool"),
        ({"name": "get weather"}, "cannot name a tool"),
        ({"name": "x" * 65}, "cannot name a tool"),
        ({"name": "tool\n"}, "cannot name a tool"),
        ({"timeout": 0}, "timeout of 'fine'"),
        ({"timeout": float("nan")}, "timeout of 'fine'"),
        ({"timeout": 3601}, "timeout of 'fine'"),
        ({"replay": "maybe"}, "replay rule of 'fine'"),
    ],
)
def test_wrong_options_are_refused(options, problem):
    def fine() -> None:
        """Doc."""

    with pytest.raises(ToolDefinitionError, match=problem):
        tool(**options)(fine)
