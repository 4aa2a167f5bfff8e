"""The model settings that an agent may carry, validated before they reach a provider."""

from typing import Annotated, Any

from django.core.exceptions import ValidationError
from pydantic import BaseModel, ConfigDict, Field
from pydantic import ValidationError as InvalidSettings


class ModelSettings(BaseModel):
    """Settings by their OpenAI names. A provider that does not know one of them is asked again without it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: int | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    reasoning_effort: Annotated[str, Field(max_length=20)] | None = None
    verbosity: Annotated[str, Field(max_length=20)] | None = None
    service_tier: Annotated[str, Field(max_length=20)] | None = None


def validate_model_settings(value: Any) -> None:
    """Raise Django's ValidationError, naming each setting that cannot be used."""
    if not isinstance(value, dict):
        raise ValidationError('Model settings are a JSON object such as {"temperature": 0.2}.')
    try:
        ModelSettings.model_validate(value)
    except InvalidSettings as invalid:
        known = ", ".join(ModelSettings.model_fields)
        raise ValidationError(
            [
                f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}."
                + (f" Known settings: {known}." if error["type"] == "extra_forbidden" else "")
                for error in invalid.errors(include_url=False)
            ]
        ) from None
