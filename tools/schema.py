"""JSON Schema as models like it: short. Pydantic's titles only repeat the names, and cost tokens on every turn."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

BY_NAME = frozenset({"properties", "$defs", "patternProperties"})  # their keys are names, not keywords
LITERAL = frozenset({"default", "const", "enum", "examples", "required"})  # their values are data, not schemas


class PlainJsonSchema(GenerateJsonSchema):
    """Pydantic's generator, quiet about defaults that have no JSON form: the schema then leaves them out."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}


def without_titles(schema: Any) -> Any:
    """The same schema without its `title` keywords; a property that is called "title" stays."""
    if isinstance(schema, list):
        return [without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _keyword(key, value) for key, value in schema.items() if key != "title"}


def _keyword(key: str, value: Any) -> Any:
    if key in LITERAL:
        return value
    if key in BY_NAME:
        return {name: without_titles(schema) for name, schema in value.items()}
    return without_titles(value)
