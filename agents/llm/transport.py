"""The connection to the provider: aiohttp under the openai client, without the layers that cost time per read."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any
from weakref import WeakSet

import aiohttp
import httpx2
from yarl import URL

MAX_CONNECTIONS = 4096
KEEPALIVE = 30.0  # seconds; a little less than what load balancers keep
MAX_HEADER_BYTES = 64 * 1024
MAX_ERROR_BYTES = 256 * 1024
RESPONSE = "aiohttp_response"  # the extension of a response under which its aiohttp response is found
DECODED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests through one aiohttp session: keep-alive, no redirects, no cookies, no proxies of the environment.

    It belongs to the event loop in which it is first used. `connect_timeout` is in seconds. Reads have no timeout here:
    a stream has deadlines of its own.
    """

    def __init__(self, *, connect_timeout: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout, sock_connect=connect_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._responses: WeakSet[aiohttp.ClientResponse] = WeakSet()
        self._certificates: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return when the head of the answer is here. Raises httpx2.TransportError."""
        try:
            response = await self._open_session().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=request.content,
                allow_redirects=False,
                ssl=await self._verification(request.url.scheme),
            )
        except aiohttp.ServerTimeoutError as error:
            raise httpx2.ConnectTimeout("no connection in time", request=request) from error
        except aiohttp.InvalidURL as error:
            raise httpx2.UnsupportedProtocol("not an http(s) URL", request=request) from error
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError) as error:
            raise httpx2.ConnectError(type(error).__name__, request=request) from error
        self._responses.add(response)
        headers = [(name, value) for name, value in response.raw_headers if name.lower() not in DECODED]
        extensions: dict[str, Any] = {RESPONSE: response}
        return httpx2.Response(response.status, headers=headers, stream=_Body(response), extensions=extensions)

    async def aclose(self) -> None:
        for response in self._responses:
            response.close()  # such as wait for the last bytes of their stream
        if self._session:
            await self._session.close()

    async def _verification(self, scheme: str) -> ssl.SSLContext | bool:
        """Return the certificates to trust: the system's, or those of SSL_CERT_FILE. Reading them takes a while."""
        if scheme == "https" and self._certificates is None:
            self._certificates = await asyncio.to_thread(httpx2.create_ssl_context)
        return self._certificates or True

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE, ttl_dns_cache=60),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                max_line_size=MAX_HEADER_BYTES,
                max_field_size=MAX_HEADER_BYTES,
            )
        return self._session


class _Body(httpx2.AsyncByteStream):
    """The body of an answer that is no stream: an error, of which the beginning is enough."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ERROR_BYTES
        try:
            while left > 0 and (data := await self._response.content.read(left)):
                left -= len(data)
                yield data
        except (aiohttp.ClientError, RuntimeError):  # RuntimeError: aiohttp's "Connection closed."
            return  # the status says enough

    async def aclose(self) -> None:
        self._response.close()
