"""The model client for OpenAI and everything that speaks its chat completions: Ollama, vLLM, llama.cpp, OpenRouter, …

The openai client does authentication, URLs and typed errors: it makes the request once, of which each turn then sends
another body, and reads each refusal. The stream's bytes are decoded by `agents.llm.turn`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import httpx2
import openai
from aiohttp.http_exceptions import HttpProcessingError

from agents.errors import ErrorCode, ModelError
from agents.llm.answer import Answer
from agents.llm.base import ModelDelta, ModelRequest
from agents.llm.failures import NO_CERTIFICATES, NO_PROVIDER, TIMED_OUT, UNREACHABLE, UNUSABLE, refused
from agents.llm.parameters import refused_parameter, substitute
from agents.llm.request_body import call_ids, chat_body, encode_body, vendor_fields
from agents.llm.retries import FIRST_DELAY, Retries, retry_after
from agents.llm.transport import Endpoint, Rehearsal, received
from agents.llm.turn import Turn

DEFAULT_BASE_URL = "https://api.openai.com/v1"
log = logging.getLogger(__name__)


class OpenAIChatModel:
    """A ChatModel over HTTP. Timeouts are in seconds; `max_retries` counts only failures before the first token.

    Without `base_url` it asks OpenAI; without `api_key` it sends none. `retry_delay` (seconds) doubles with each retry.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        connect_timeout: float = 5.0,
        first_token_timeout: float = 60.0,
        idle_timeout: float = 60.0,
        max_retries: int = 2,
        retry_delay: float = FIRST_DELAY,
    ) -> None:
        self.base_url = base_url or DEFAULT_BASE_URL
        self.connect_timeout = connect_timeout
        self.first_token_timeout = first_token_timeout
        self.idle_timeout = idle_timeout
        self.max_retries = max_retries
        self.retry_delay = retry_delay
        self._api_key = (api_key or "").strip()
        self._headers: dict[str, str | openai.Omit] = {"Accept-Encoding": "identity"}
        if not self._api_key:
            self._headers["Authorization"] = openai.Omit()
        self._endpoints: WeakKeyDictionary[asyncio.AbstractEventLoop, Endpoint] = WeakKeyDictionary()
        self._refused: dict[str, dict[str, str | None]] = {}  # by model: parameters to leave out, or to rename

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta, None]:
        """Ask for one turn. See agents.llm.base.ChatModel."""
        retries = Retries(self.max_retries, first_delay=self.retry_delay)
        while True:
            answer: Answer | None = None
            yielded = False
            try:
                answer = await self._ask(request)
                while not answer.ended:
                    for delta in await answer.read():
                        yielded = True
                        yield delta
                return
            except ModelError as failure:
                retry = None if yielded or (answer and answer.started) else retries.after(failure)
                if retry is None:
                    raise
            finally:
                if answer:
                    answer.close()
            yield retry
            await asyncio.sleep(retry.delay)

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        endpoint = self._endpoints.pop(asyncio.get_running_loop(), None)
        if endpoint:
            await endpoint.aclose()

    async def _ask(self, request: ModelRequest) -> Answer:
        """Return the answer when its head is here. Raises ModelError."""
        since = monotonic()
        try:
            async with asyncio.timeout(self.first_token_timeout):
                response = await self._post_what_is_taken(request)
        except TimeoutError as error:
            raise ModelError(ErrorCode.MODEL_TIMEOUT, TIMED_OUT) from error
        if "html" in response.content_type:
            response.close()
            raise ModelError(ErrorCode.MODEL_ERROR, NO_PROVIDER)
        turn = Turn(taken=call_ids(request), limits=request.limits)
        return Answer(
            response,
            turn,
            since=since,
            first_token=self.first_token_timeout,
            idle=self.idle_timeout,
            take=request.take,
        )

    async def _post_what_is_taken(self, request: ModelRequest) -> aiohttp.ClientResponse:
        """Send the request; as often as the provider names a parameter that it does not take, send it without."""
        dropped = self._refused.setdefault(request.model, {})
        tried: set[str] = set()
        while True:
            body = chat_body(request, dropped)
            try:
                return await self._post(body)
            except openai.APIStatusError as error:
                name = self._refused_parameter(error, body, request)
                if name is None or name in tried:
                    raise self._failure(error, request) from error
                tried.add(name)
                dropped[name] = substitute(name, error.body)

    def _refused_parameter(
        self, error: openai.APIStatusError, body: dict[str, Any], request: ModelRequest
    ) -> str | None:
        param = error.param if isinstance(error.param, str) else None  # the openai client does not check its type
        name = refused_parameter(
            body, status=error.status_code, param=param, error=error.body, vendor=vendor_fields(request)
        )
        log.warning(
            "The model provider answered HTTP %s (code %r, type %r, parameter %r) for the model %r",
            error.status_code, error.code, error.type, name or param, request.model,
        )  # fmt: skip
        return name

    async def _post(self, body: dict[str, Any]) -> aiohttp.ClientResponse:
        """Return an answer that is a success. Raises openai.APIStatusError for a refusal, and ModelError."""
        content = encode_body(body)
        try:
            endpoint = await self._endpoint()
            response = await endpoint.send(content)
            if response.status // 100 != 2:
                await self._exchange(await received(response))
        except (aiohttp.ClientError, HttpProcessingError, openai.APIConnectionError) as error:
            log.warning("The model provider could not be reached: %s", type(error).__name__)
            raise ModelError(ErrorCode.MODEL_UNAVAILABLE, UNREACHABLE) from error
        except (httpx2.InvalidURL, ValueError) as error:  # a URL without a host, a key with a line break, …
            log.warning("The configuration of the model provider cannot be used: %s", type(error).__name__)
            raise ModelError(ErrorCode.MODEL_ERROR, UNUSABLE) from error
        except OSError as error:  # aiohttp's own are above; what is left are certificates that cannot be read
            log.warning("The certificates for the model provider cannot be read: %s", type(error).__name__)
            raise ModelError(ErrorCode.MODEL_ERROR, NO_CERTIFICATES) from error
        return response

    async def _endpoint(self) -> Endpoint:
        """Return this event loop's connections."""
        loop = asyncio.get_running_loop()
        endpoint = self._endpoints.get(loop)
        if endpoint is None:
            request = await self._exchange(httpx2.Response(200))
            endpoint = self._endpoints.setdefault(loop, Endpoint(request, connect_timeout=self.connect_timeout))
        return endpoint

    async def _exchange(self, answer: httpx2.Response) -> httpx2.Request:
        """Return the request that the openai client makes. Raises openai.APIError where the answer is no success."""
        client = openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self._api_key or "none",  # without one the client would look into the environment
            max_retries=0,
            timeout=None,
            http_client=httpx2.AsyncClient(transport=Rehearsal(answer), trust_env=False),
        )
        response = await client.post(
            "/chat/completions", content=b"{}", options={"headers": self._headers}, cast_to=httpx2.Response
        )
        return response.request

    def _failure(self, error: openai.APIStatusError, request: ModelRequest) -> ModelError:
        return refused(
            error.status_code,
            model=request.model,
            error=error.body,
            code=error.code,
            retry_after=retry_after(error.response.headers),
        )
