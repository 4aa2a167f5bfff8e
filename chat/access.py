"""Who is asking: the one door that REST, SSE and WebSocket all come through."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.csrf import CsrfViewMiddleware

from agents.errors import ErrorCode
from chat.exceptions import Refused, invalid
from chat.models import ApiKey
from chat.models.access import Scope

LOCAL_USER = "local"
FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port",
                      "x-real-ip", "via", "x-client-ip", "true-client-ip", "cf-connecting-ip")  # fmt: skip
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
ALL_SCOPES = frozenset(Scope.values)
HOW = "Send `Authorization: Bearer KEY` (make one with `manage.py create_api_key`) or sign in at /accounts/login/."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and what they may do."""

    user_id: int
    username: str
    scopes: frozenset[str]
    via: Literal["key", "session", "local"]
    key_prefix: str = ""

    def require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise Refused(ErrorCode.FORBIDDEN, f"This needs the scope {scope!r}, which your credentials do not have.")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection shows of itself. Header names are lower-case; `origin_of_server` is scheme://host[:port]."""

    headers: Mapping[str, str]
    peer: str
    host: str
    secure: bool
    websocket: bool
    request: HttpRequest | None = None

    @classmethod
    def of_request(cls, request: HttpRequest) -> "Credentials":
        headers = {name.lower(): value for name, value in request.headers.items()}
        peer = request.META.get("REMOTE_ADDR", "")
        return cls(headers, peer, headers.get("host", ""), request.is_secure(), websocket=False, request=request)

    @classmethod
    def of_scope(cls, scope: Mapping[str, Any]) -> "Credentials":
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        proxied = settings.SECURE_PROXY_SSL_HEADER
        secure = scope.get("scheme") == "wss"
        if proxied:
            secure = secure or headers.get(proxied[0].removeprefix("HTTP_").replace("_", "-").lower()) == proxied[1]
        return cls(headers, (scope.get("client") or [""])[0], headers.get("host", ""), secure, websocket=True)

    @property
    def own_origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host.lower()}"

    @property
    def origin_is_own(self) -> bool:
        return _origin(self.headers.get("origin", "")) == _origin(self.own_origin) != ""


def authenticate(credentials: Credentials) -> Caller:
    """Say who is asking: by key, by session, or as the user of an open machine. Raises Refused. Uses the database.

    A request is told too: from then on `request.caller` is who asked.
    """
    caller = _identify(credentials)
    if credentials.request is not None:
        credentials.request.caller = caller  # type: ignore[attr-defined]
    return caller


def _identify(credentials: Credentials) -> Caller:
    _check_host(credentials.host)
    authorization = credentials.headers.get("authorization")
    if authorization is not None:
        return _by_key(authorization, credentials)
    caller = _by_session(credentials)
    if caller is None and settings.OPEN_ACCESS and is_local(credentials):
        caller = _local()
    if caller is None:
        raise Refused(ErrorCode.UNAUTHENTICATED, f"Credentials are needed. {HOW}")
    return caller


def is_local(credentials: Credentials) -> bool:
    """Whether the request comes from this machine, and from no web page but our own."""
    name, _ = split_domain_port(credentials.host)
    if credentials.peer not in LOOPBACK or not validate_host(name, list(settings.LOCALHOST_NAMES)):
        return False
    if any(header in credentials.headers for header in FORWARDING_HEADERS):
        return False
    return "origin" not in credentials.headers or credentials.origin_is_own


def _check_host(host: str) -> None:
    name, _ = split_domain_port(host)
    if not name or not validate_host(name, settings.ALLOWED_HOSTS):
        raise invalid("The Host header is not one that this server answers to (ALLOWED_HOSTS).")


def _by_key(authorization: str, credentials: Credentials) -> Caller:
    scheme, _, text = authorization.partition(" ")
    key = ApiKey.objects.find(text.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        raise Refused(ErrorCode.UNAUTHENTICATED, f"The API key is not valid, was revoked or has expired. {HOW}")
    if credentials.websocket and not _may_open_socket(credentials):
        raise Refused(ErrorCode.FORBIDDEN, "Sockets from this origin are not allowed (CORS_ALLOWED_ORIGINS).")
    key.mark_used()
    return Caller(key.user_id, key.user.get_username(), frozenset(key.scopes), "key", key.prefix)


def _may_open_socket(credentials: Credentials) -> bool:
    origin = credentials.headers.get("origin")
    return origin is None or credentials.origin_is_own or origin in settings.CORS_ALLOWED_ORIGINS


def _by_session(credentials: Credentials) -> Caller | None:
    session_key = _cookies(credentials).get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user: Any = get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]
    if not user.is_authenticated or not user.is_active:
        return None
    _check_forgery(credentials)
    scopes = ALL_SCOPES if user.is_staff else frozenset({Scope.CHAT.value})
    return Caller(user.pk, user.get_username(), scopes, "session")


def _check_forgery(credentials: Credentials) -> None:
    """A browser sends its cookies whoever asked for the request: this says whether it was one of our pages."""
    if credentials.websocket:
        if not credentials.origin_is_own:
            raise Refused(ErrorCode.FORBIDDEN, "A socket with a session has to come from this server's own pages.")
    elif credentials.request is not None:
        check = CsrfViewMiddleware(_no_view)
        check.process_request(credentials.request)
        if check.process_view(credentials.request, _no_view, (), {}) is not None:
            raise Refused(
                ErrorCode.FORBIDDEN,
                "The CSRF token is missing or wrong: send the csrftoken cookie's value as X-CSRFToken.",
            )


def _no_view(request: HttpRequest) -> HttpResponse:
    """What the CSRF check asks whether it is exempt: nothing is."""
    return HttpResponse()


def _cookies(credentials: Credentials) -> dict[str, str]:
    if credentials.request is not None:
        return credentials.request.COOKIES
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(credentials.headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _local() -> Caller | None:
    user = get_user_model().objects.filter(username=LOCAL_USER, is_active=True).first()
    return Caller(user.pk, LOCAL_USER, ALL_SCOPES, "local") if user else None


def _origin(text: str) -> str:
    """An origin in one spelling, with its port; empty for what is none (`null` too)."""
    try:
        parts = urlsplit(text)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.scheme and parts.hostname else ""
