import pytest
from django.core.exceptions import ValidationError

from agents.model_settings import ModelSettings, validate_model_settings


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0, "top_p": 1, "max_tokens": 1, "seed": -1},
        {"stop": "END"},
        {"stop": ["END", "STOP"], "reasoning_effort": "low", "temperature": None},
    ],
)
def test_settings_that_can_be_used(settings):
    validate_model_settings(settings)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"temperature": 2.1}, "temperature: "),
        ({"temperature": "0.2"}, "temperature: "),  # it would go to the provider as text
        ({"max_tokens": 1.5}, "max_tokens: "),
        ({"max_tokens": 0}, "max_tokens: "),
        ({"seed": True}, "seed: "),
        ({"stop": ["x"] * 17}, "stop"),
        ({"api_key": "secret"}, "api_key: Extra inputs are not permitted. Known settings: temperature, "),
        ({"model": "other"}, "model: "),
        ([], "a JSON object"),
        ("text", "a JSON object"),
        (None, "a JSON object"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings, complaint):
    with pytest.raises(ValidationError) as refused:
        validate_model_settings(settings)
    assert any(complaint in message for message in refused.value.messages)


def test_each_problem_is_told():
    with pytest.raises(ValidationError) as refused:
        validate_model_settings({"temperature": 3, "top_p": 3})
    assert len(refused.value.messages) == 2
    assert "temperature" in ModelSettings.model_fields
