"""From a provider's name in the configuration to the client that talks to it."""

from collections.abc import AsyncGenerator

from django.conf import settings

from agents.errors import ErrorCode, ModelError
from agents.llm.base import ChatModel, ModelDelta, ModelRequest
from agents.llm.demo import DemoChatModel
from agents.llm.openai import OpenAIChatModel


class MissingChatModel:
    """Stands for a provider that was taken out of the configuration: each turn fails, and says what to set."""

    def __init__(self, provider: str) -> None:
        self.provider = provider

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta, None]:
        raise ModelError(
            ErrorCode.MODEL_UNAVAILABLE,
            f"The agent's provider {self.provider!r} is not in the server's configuration (MODEL_PROVIDERS).",
        )
        yield  # type: ignore[unreachable]  # what makes this a generator


def is_demo(provider: str = "default") -> bool:
    """Whether the demo model answers, because nothing says where a real one is."""
    config = settings.MODEL_PROVIDERS.get(provider)
    return config is not None and not (config["base_url"] or config["api_key"])


def make_model(provider: str) -> ChatModel:
    """A client of the provider."""
    config = settings.MODEL_PROVIDERS.get(provider)
    if config is None:
        return MissingChatModel(provider)
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
