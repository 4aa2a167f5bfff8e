"""What a connection shows of itself: its headers, where it comes from, and which page asked for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port",
                      "x-real-ip", "via", "x-client-ip", "true-client-ip", "cf-connecting-ip")  # fmt: skip
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection shows of itself. Header names are lower-case."""

    headers: Mapping[str, str]
    peer: str
    host: str
    secure: bool
    websocket: bool
    request: HttpRequest | None = None
    ticket: str | None = field(default=None, repr=False)  # of a WebSocket's query

    @classmethod
    def of_request(cls, request: HttpRequest) -> "Credentials":
        meta = request.META
        headers = {name[5:].replace("_", "-").lower(): meta[name] for name in meta if name.startswith("HTTP_")}
        peer = meta.get("REMOTE_ADDR", "")
        return cls(headers, peer, headers.get("host", ""), request.is_secure(), websocket=False, request=request)

    @classmethod
    def of_scope(cls, scope: Mapping[str, Any]) -> "Credentials":
        headers: dict[str, str] = {}
        for name, value in (
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        ):
            headers[name] = f"{headers[name]},{value}" if name in headers else value  # two origins are none
        proxied = settings.SECURE_PROXY_SSL_HEADER
        secure = scope.get("scheme") == "wss"
        if proxied:
            secure = secure or headers.get(proxied[0].removeprefix("HTTP_").replace("_", "-").lower()) == proxied[1]
        peer = (scope.get("client") or [""])[0]
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        ticket = query["ticket"][0] if "ticket" in query else None
        return cls(headers, peer, headers.get("host", ""), secure, websocket=True, ticket=ticket)

    @property
    def own_origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host.lower()}"

    @property
    def origin_is_own(self) -> bool:
        return _origin(self.headers.get("origin", "")) == _origin(self.own_origin) != ""

    @property
    def is_local(self) -> bool:
        """Whether the request comes from this machine, and from no web page but our own."""
        if self.peer not in LOOPBACK or not is_host(self.host, settings.LOCALHOST_NAMES):
            return False
        if not self.headers.keys().isdisjoint(FORWARDING_HEADERS):
            return False
        if "origin" not in self.headers:
            return not self.asked_by_another_page and not (self.websocket and "cookie" in self.headers)
        return self.origin_is_own

    @property
    def asked_by_another_page(self) -> bool:
        """Whether the browser says so: an image, a script or a frame of a page from elsewhere sends no Origin.

        Following a link to us, which shows its page nothing, is no such request.
        """
        if self.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
            return False
        visits = (self.headers.get("sec-fetch-mode"), self.headers.get("sec-fetch-dest")) == ("navigate", "document")
        return not (visits and self.request is not None and self.request.method in {"GET", "HEAD"})

    @property
    def is_read_by_another_page(self) -> bool:
        """Whether a request that only reads names another page as its origin. (Others have to show a CSRF token.)"""
        reads = self.request is not None and self.request.method in {"GET", "HEAD", "OPTIONS"}
        return reads and "origin" in self.headers and not self.origin_is_own

    @property
    def cookies(self) -> dict[str, str]:
        if self.request is not None:
            return self.request.COOKIES
        try:
            return {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("cookie", "")).items()}
        except CookieError:
            return {}


@lru_cache(maxsize=64)  # clients ask for the same few
def is_host(host: str, names: tuple[str, ...]) -> bool:
    """Whether a Host header, with a port or without, is well formed and matches one of ALLOWED_HOSTS' patterns."""
    name, _ = split_domain_port(host)
    return name != "" and validate_host(name, names)


def _origin(text: str) -> str:
    """An origin in one spelling, with its port; empty for what is none (`null` too)."""
    try:
        parts = urlsplit(text)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return ""
    if not (parts.scheme and parts.hostname) or "@" in parts.netloc or parts.path or parts.query or parts.fragment:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"
