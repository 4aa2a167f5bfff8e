"""The one way out to the network for built-in tools: bounded in time, size and redirects, and clear when it fails."""

from collections.abc import Mapping
from typing import TypeVar

import aiohttp
import msgspec
from yarl import URL

from tools.exceptions import ServiceRefusedError, ToolError

Shape = TypeVar("Shape")

DEADLINE = 10.0  # seconds, for the whole exchange
MAX_BYTES = 1_000_000
MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Without compression the size cap holds for what arrives and for what it becomes.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "streaming-chat/0.1"}


async def fetch_json(
    url: str,
    shape: type[Shape],
    *,
    service: str,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    deadline: float = DEADLINE,
) -> Shape:
    """GET a JSON document as `shape` (a msgspec type). `service` names the other side in errors.

    Raises ServiceRefusedError for an HTTP error and ToolError for everything else; neither quotes the answer. Proxies
    of the environment are not used, and redirects to another host or port are not followed: the other side does not
    choose whom we ask.
    """
    try:
        body = await _get(url, service, params or {}, HEADERS | dict(headers or {}), deadline)
    except TimeoutError:
        raise ToolError(f"{service} did not answer within {deadline:g} s") from None
    except aiohttp.ClientPayloadError:
        raise ToolError(f"{service} broke off its answer") from None
    except (aiohttp.ClientError, OSError, ValueError) as problem:
        raise ToolError(f"{service} could not be reached") from problem
    try:
        return msgspec.json.decode(body, type=shape)
    except (ValueError, RecursionError):
        raise ToolError(f"{service} sent an answer that cannot be read") from None


async def _get(url: str, service: str, params: Mapping[str, str], headers: Mapping[str, str], deadline: float) -> bytes:
    timeout = aiohttp.ClientTimeout(total=deadline)
    session = aiohttp.ClientSession(
        timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    )
    async with session:
        here, query = URL(url), params
        for _ in range(MAX_REDIRECTS + 1):
            async with session.get(here, params=query, headers=headers, allow_redirects=False) as response:
                if response.status not in REDIRECTS:
                    return await _body(response, service)
                here, query = _target(response, service), {}
    raise ToolError(f"{service} redirects without end")


def _target(response: aiohttp.ClientResponse, service: str) -> URL:
    """Where a redirect leads; raises ToolError where that is somebody else. To https on the same host is the same."""
    here = response.url
    there = here.join(URL(response.headers.get("Location", "")))
    if there.origin() not in {here.origin(), here.with_scheme("https").origin()}:
        raise ToolError(f"{service} redirects to another address")
    return there


async def _body(response: aiohttp.ClientResponse, service: str) -> bytes:
    if response.status != 200:
        raise ServiceRefusedError(_refusal(service, response.status), status=response.status)
    return await _bounded_body(response, service)


def _refusal(service: str, status: int) -> str:
    if status == 429:
        return f"{service} takes no more requests at the moment (HTTP 429); try again later"
    if status >= 500:
        return f"{service} is out of order (HTTP {status}); try again later"
    return f"{service} refused the request (HTTP {status})"


async def _bounded_body(response: aiohttp.ClientResponse, service: str) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            raise ToolError(f"{service} sent more than {MAX_BYTES // 1_000_000} MB")
    return bytes(body)
