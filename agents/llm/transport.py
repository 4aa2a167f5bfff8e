"""The connection to the provider: aiohttp, without the layers that cost time per request and per read.

The openai client makes the request and reads refusals (see agents.llm.openai); neither needs a connection of its own.
"""

import asyncio
import ssl
from weakref import WeakSet

import aiohttp
import httpx2
from yarl import URL

MAX_CONNECTIONS = 4096
KEEPALIVE = 30.0  # seconds; a little less than what load balancers keep
MAX_HEADER_BYTES = 64 * 1024
MAX_ERROR_BYTES = 256 * 1024
OF_ONE_BODY = frozenset({"content-length", "transfer-encoding"})
DECODED = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class Endpoint:
    """Where a provider takes turns: sends one request again and again, each time with another body.

    It has one aiohttp session: keep-alive, no redirects, no cookies, no proxies of the environment. It belongs to the
    event loop in which it is first used. `connect_timeout` is in seconds. Reads have no timeout here: a stream has
    deadlines of its own.
    """

    def __init__(self, request: httpx2.Request, *, connect_timeout: float) -> None:
        self._method = request.method
        self._url = URL(str(request.url), encoded=True)
        self._headers = [item for item in request.headers.multi_items() if item[0].lower() not in OF_ONE_BODY]
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout, sock_connect=connect_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._responses: WeakSet[aiohttp.ClientResponse] = WeakSet()
        self._certificates: ssl.SSLContext | None = None

    async def send(self, content: bytes) -> aiohttp.ClientResponse:
        """Return when the head of the answer is here. Raises what aiohttp raises."""
        if self._certificates is None and self._url.scheme == "https":
            # The system's, or those of SSL_CERT_FILE. Reading them takes a while.
            self._certificates = await asyncio.to_thread(httpx2.create_ssl_context)
        if self._session is None:
            self._session = self._open_session()
        response = await self._session.request(
            self._method, self._url, data=content, allow_redirects=False, ssl=self._certificates or True
        )
        self._responses.add(response)
        return response

    async def aclose(self) -> None:
        for response in self._responses:
            response.close()  # such as wait for the last bytes of their stream
        if self._session:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE, ttl_dns_cache=60),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )


class Rehearsal(httpx2.AsyncBaseTransport):
    """Sends nothing, and answers each request with what is known already."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._answer


async def received(response: aiohttp.ClientResponse) -> httpx2.Response:
    """Return an answer that is no stream, with the beginning of its body: the status alone would do."""
    body = bytearray()
    try:
        while data := await response.content.read(MAX_ERROR_BYTES - len(body)):
            body += data
    except (aiohttp.ClientError, RuntimeError):  # RuntimeError: aiohttp's "Connection closed."
        pass
    finally:
        response.close()
    headers = [(name, value) for name, value in response.raw_headers if name.lower() not in DECODED]
    return httpx2.Response(response.status, headers=headers, content=bytes(body))
