"""From a typed function to the model of its arguments: what `@tool` reads of a signature and a docstring."""

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from tools.exceptions import ToolDefinitionError
from tools.schema import PlainJsonSchema, without_titles

Parameter = inspect.Parameter
UNSUPPORTED_KINDS: dict[Any, str] = {
    Parameter.POSITIONAL_ONLY: "is positional-only; a model calls by name",
    Parameter.VAR_POSITIONAL: "takes any number of values; give it a list instead",
    Parameter.VAR_KEYWORD: "takes any names; spell the parameters out, or take one dict",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function says of itself. `arguments` validates a call; `context_parameter` is hidden from the model."""

    description: str
    arguments: type[BaseModel]
    context_parameter: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of the arguments: an object without extra properties."""
        schema: dict[str, Any] = without_titles(self.arguments.model_json_schema(schema_generator=PlainJsonSchema))
        return schema


def read_signature(function: Callable[..., Any], *, context_type: type) -> Signature:
    """Read the parameters, types and docstring of a function; raise ToolDefinitionError where something is missing."""
    text = inspect.getdoc(function)
    if not text:
        raise _unfit(function, "has no docstring; its first paragraph is how the model knows when to call it")
    docstring = docstring_parser.parse(text)
    description = (docstring.description or "").strip()
    if not description:
        raise _unfit(function, "has a docstring without a description; begin it with what the function does")
    told = {param.arg_name: param.description for param in docstring.params}
    hints = _type_hints(function)
    fields: dict[str, Any] = {}
    context_parameter = None
    for number, parameter in enumerate(inspect.signature(function).parameters.values()):
        annotation = _annotation(function, parameter, hints)
        if context_type in (annotation, *typing.get_args(annotation)):
            if context_parameter:
                raise _unfit(function, f"has a parameter {parameter.name!r} that is a second {context_type.__name__}")
            context_parameter = parameter.name
            continue
        # Pydantic reserves names (`schema`, `json`, `_x`) that are good names for parameters: hence the alias.
        field = _field(parameter, annotation, told.get(parameter.name))
        _require_schema(function, parameter, field[0])
        fields[f"argument_{number}"] = field
    config = ConfigDict(extra="forbid", protected_namespaces=(), validate_by_alias=True)
    arguments = create_model(f"{function.__name__}_arguments", __config__=config, **fields)
    return Signature(description, arguments, context_parameter)


def _type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as unknown:
        raise _unfit(function, f"has an annotation that cannot be resolved: {unknown}") from unknown


def _annotation(function: Callable[..., Any], parameter: Parameter, hints: dict[str, Any]) -> Any:
    if problem := UNSUPPORTED_KINDS.get(parameter.kind):
        raise _unfit(function, f"has a parameter {parameter.name!r} that {problem}")
    if parameter.name not in hints:
        raise _unfit(function, f"has a parameter {parameter.name!r} without a type; annotate it")
    return hints[parameter.name]


def _field(parameter: Parameter, annotation: Any, description: str | None) -> tuple[Any, FieldInfo]:
    """The annotation and field of one parameter. A description in the annotation wins over the docstring's."""
    default = parameter.default
    if isinstance(default, FieldInfo):
        annotation, default = Annotated[annotation, default], Parameter.empty
    if default is None:
        annotation = annotation | None
    extra: dict[str, Any] = {} if default is Parameter.empty else {"default": default}
    if description and not _is_described(annotation):
        extra["description"] = " ".join(description.split())
    return annotation, Field(alias=parameter.name, **extra)


def _is_described(annotation: Any) -> bool:
    return any(isinstance(item, FieldInfo) and item.description for item in getattr(annotation, "__metadata__", ()))


def _require_schema(function: Callable[..., Any], parameter: Parameter, annotation: Any) -> None:
    try:
        TypeAdapter(annotation).json_schema(schema_generator=PlainJsonSchema)
    except (PydanticUserError, NameError, TypeError) as problem:
        kind = inspect.formatannotation(annotation)
        message = f"has a parameter {parameter.name!r} of a type that has no JSON form: {kind}"
        raise _unfit(function, message) from problem


def _unfit(function: Callable[..., Any], problem: str) -> ToolDefinitionError:
    return ToolDefinitionError(f"{function.__module__}.{function.__qualname__} {problem}.")
