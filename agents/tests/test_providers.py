"""Which client answers for a provider of the configuration."""

import pytest

from agents.errors import ErrorCode, ModelError
from agents.llm.demo import DemoChatModel
from agents.llm.openai import DEFAULT_BASE_URL, OpenAIChatModel
from agents.providers import is_demo, make_model
from agents.tests.asking import ask


@pytest.fixture(autouse=True)
def providers(settings):
    settings.MODEL_PROVIDERS = {
        "default": {"base_url": "", "api_key": ""},
        "openai": {"base_url": "", "api_key": "a-key"},
        "local": {"base_url": "http://127.0.0.1:11434/v1", "api_key": ""},
    }


def test_without_an_address_and_a_key_the_demo_model_answers():
    assert is_demo()
    assert isinstance(make_model("default"), DemoChatModel)


def test_a_key_alone_means_openai(settings):
    settings.MODEL_IDLE_TIMEOUT = 7
    model = make_model("openai")
    assert isinstance(model, OpenAIChatModel)
    assert not is_demo("openai")
    assert (model.base_url, model.idle_timeout) == (DEFAULT_BASE_URL, 7)


def test_an_address_alone_needs_no_key():
    model = make_model("local")
    assert isinstance(model, OpenAIChatModel)
    assert model.base_url == "http://127.0.0.1:11434/v1"


async def test_a_provider_that_is_not_configured_fails_and_says_what_to_set():
    assert not is_demo("gone")
    with pytest.raises(ModelError, match=r"'gone' is not in the server's configuration \(MODEL_PROVIDERS\)") as failed:
        await ask(make_model("gone"))
    assert failed.value.code is ErrorCode.MODEL_UNAVAILABLE
