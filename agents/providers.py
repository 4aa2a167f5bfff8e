"""From a provider's name in the configuration to the client that talks to it."""

from django.conf import settings

from agents.llm.base import ChatModel
from agents.llm.demo import DemoChatModel
from agents.llm.openai import OpenAIChatModel


def is_demo(provider: str = "default") -> bool:
    """Whether the demo model answers, because nothing says where a real one is."""
    config = settings.MODEL_PROVIDERS.get(provider, {})
    return not (config.get("base_url") or config.get("api_key"))


def make_model(provider: str) -> ChatModel:
    """A client of the provider. An unknown provider (taken out of the configuration) has no model: KeyError."""
    config = settings.MODEL_PROVIDERS[provider]
    if is_demo(provider):
        return DemoChatModel()
    return OpenAIChatModel(
        base_url=config["base_url"] or None,
        api_key=config["api_key"] or None,
        connect_timeout=settings.MODEL_CONNECT_TIMEOUT,
        first_token_timeout=settings.MODEL_FIRST_TOKEN_TIMEOUT,
        idle_timeout=settings.MODEL_IDLE_TIMEOUT,
        max_retries=settings.MODEL_MAX_RETRIES,
    )
