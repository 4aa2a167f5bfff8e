import dataclasses
from datetime import date
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from tools.base import Tool, ToolContext, tool


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Box:
    width: int
    title: str = "a box"


class Order(BaseModel):
    box: Box
    when: date | None = None


def properties(made: Tool) -> dict[str, Any]:
    return made.parameters["properties"]


def test_the_bare_decorator_makes_a_tool_with_the_defaults():
    @tool
    def greet(name: str) -> str:
        """Say hello."""
        return f"Hello {name}"

    assert isinstance(greet, Tool)
    assert (greet.name, greet.description) == ("greet", "Say hello.")
    assert (greet.timeout, greet.requires_approval, greet.replay) == (None, False, "safe")
    assert greet.parameters == {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }


def test_the_decorator_takes_options():
    @tool(name="pay-now", timeout=2.5, requires_approval=True, replay="unsafe")
    async def pay() -> None:
        """Pay."""

    assert (pay.name, pay.timeout, pay.requires_approval, pay.replay) == ("pay-now", 2.5, True, "unsafe")


def test_a_function_without_parameters_has_an_empty_object_as_schema():
    @tool
    def ping() -> str:
        """Ping."""

    assert ping.parameters == {"type": "object", "properties": {}, "additionalProperties": False}


def test_every_supported_type_has_a_schema():
    @tool
    def order(
        colour: Colour,
        order: Order,
        size: Literal["s", "m"] = "s",
        count: Annotated[int, Field(ge=1, le=9)] = 1,
        tags: list[str] = [],  # noqa: B006 - defaults of tools are copied
        prices: dict[str, float] | None = None,
        note: str = None,  # noqa: RUF013 - written by people all the same
        rate: float = Field(0.5, gt=0),
        anything: Any = 1,
    ) -> None:
        """Order."""

    schema = order.parameters
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["colour", "order"]
    assert schema["$defs"]["Colour"] == {"enum": ["red", "blue"], "type": "string"}
    assert schema["properties"]["size"] == {"default": "s", "enum": ["s", "m"], "type": "string"}
    assert schema["properties"]["count"] == {"default": 1, "maximum": 9, "minimum": 1, "type": "integer"}
    assert schema["properties"]["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert schema["properties"]["rate"] == {"default": 0.5, "exclusiveMinimum": 0, "type": "number"}
    assert schema["properties"]["anything"] == {"default": 1}


def test_titles_are_left_out_but_a_property_called_title_stays():
    @tool
    def pack(box: Box, title: str, options: dict[str, str] = {"title": "x"}) -> None:  # noqa: B006
        """Pack."""

    assert pack.parameters["$defs"]["Box"] == {
        "type": "object",
        "properties": {"width": {"type": "integer"}, "title": {"default": "a box", "type": "string"}},
        "required": ["width"],
        "additionalProperties": False,
    }
    assert properties(pack)["title"] == {"type": "string"}
    assert properties(pack)["options"]["default"] == {"title": "x"}


GOOGLE = """Look a thing up.

    Args:
        key: What to look for,
            over two lines.
        limit: How many.
    """
REST = """Look a thing up.

    :param key: What to look for, over two lines.
    :param limit: How many.
    """
NUMPY = """Look a thing up.

    Parameters
    ----------
    key
        What to look for, over two lines.
    limit
        How many.
    """


@pytest.mark.parametrize("docstring", [GOOGLE, REST, NUMPY], ids=["google", "rest", "numpy"])
def test_descriptions_of_arguments_come_from_the_docstring(docstring):
    def look_up(key: str, limit: int = 3) -> str:
        return key

    look_up.__doc__ = docstring
    made = Tool.from_function(look_up)
    assert made.description == "Look a thing up."
    assert properties(made)["key"] == {"description": "What to look for, over two lines.", "type": "string"}
    assert properties(made)["limit"]["description"] == "How many."


def test_a_description_in_the_annotation_wins_over_the_docstring():
    @tool
    def look_up(key: Annotated[str, Field(description="From the annotation")]) -> str:
        """Look up.

        Args:
            key: From the docstring
        """

    assert properties(look_up)["key"]["description"] == "From the annotation"


def test_the_long_description_is_kept():
    @tool
    def look_up() -> str:
        """Look up.

        Only when asked.

        Returns:
            Nothing.
        """

    assert look_up.description == "Look up.\n\nOnly when asked."


@pytest.mark.parametrize("kind", [ToolContext, ToolContext | None, "ToolContext"])
def test_the_context_is_not_shown_to_the_model(kind):
    def note(text: str, context=None) -> str:
        """Note."""
        return text

    note.__annotations__["context"] = kind
    made = Tool.from_function(note)
    assert made.context_parameter == "context"
    assert list(properties(made)) == ["text"]


def test_parameters_may_have_names_that_pydantic_reserves():
    @tool
    def odd(schema: str, json: int, model_config: bool, copy: str = "", _private: int = 0) -> None:
        """Odd names."""

    assert list(properties(odd)) == ["schema", "json", "model_config", "copy", "_private"]


def test_a_default_without_a_json_form_is_left_out_of_the_schema():
    @tool
    def find(anything: Any = object()) -> None:  # noqa: B008
        """Find."""

    assert properties(find)["anything"] == {}


def test_a_method_can_be_a_tool():
    class Shop:
        def price(self, item: str) -> float:
            """Get a price."""
            return 1.0

    assert list(properties(Tool.from_function(Shop().price))) == ["item"]


def test_a_wrapped_function_keeps_its_signature():
    def log(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @tool
    @log
    def price(item: str) -> float:
        """Get a price."""

    assert list(properties(price)) == ["item"]
