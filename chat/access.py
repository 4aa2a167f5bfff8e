"""Who is asking: the one door that REST, SSE and WebSocket all come through."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user, get_user_model
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from agents.errors import ErrorCode
from agents.statements import load
from chat.credentials import Credentials, is_host
from chat.exceptions import Refused, invalid
from chat.models import ApiKey, SocketTicket
from chat.models.access import Scope

LOCAL_USER = "local"
ALL_SCOPES = frozenset(Scope.values)
HOW = "Send `Authorization: Bearer KEY` (make one with `manage.py create_api_key`) or sign in at /accounts/login/."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and what they may do. `credential` names what let them in: a key's prefix or a session's key."""

    user_id: int
    username: str
    scopes: frozenset[str]
    via: str  # "key", "session" or "local"
    credential: str = field(default="", repr=False)

    @property
    def key_prefix(self) -> str:
        return self.credential if self.via == "key" else ""

    def require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise Refused(ErrorCode.FORBIDDEN, f"This needs the scope {scope!r}, which your credentials do not have.")


def authenticate(credentials: Credentials) -> Caller:
    """Say who is asking: by key, ticket or session, or as the user of an open machine. Raises Refused.

    Uses the database. A request is told too: from then on `request.caller` is who asked.
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
    if credentials.ticket is not None:
        return _by_ticket(credentials.ticket, credentials)
    caller = _by_session(credentials)
    if caller is None and settings.OPEN_ACCESS and credentials.is_local:
        caller = _local()
    if caller is None:
        raise Refused(ErrorCode.UNAUTHENTICATED, f"Credentials are needed. {HOW}")
    return caller


def still_valid(callers: Iterable[Caller]) -> set[Caller]:
    """Those who would be let in again, with the same scopes. A few queries for all of them together."""
    asked = set(callers)
    again: set[Caller | None] = set()
    if keys := [caller.credential for caller in asked if caller.via == "key"]:
        again |= {_of_key(key) for key in ApiKey.objects.usable().filter(prefix__in=keys)}
    if sessions := [caller.credential for caller in asked if caller.via == "session"]:
        again |= _signed_in(sessions)
    if any(caller.via == "local" for caller in asked):
        again.add(_local())
    return asked & again


def _check_host(host: str) -> None:
    if not is_host(host, tuple(settings.ALLOWED_HOSTS)):
        raise invalid("The Host header is not one that this server answers to (ALLOWED_HOSTS).")


def _by_key(authorization: str, credentials: Credentials) -> Caller:
    scheme, _, text = authorization.partition(" ")
    key = ApiKey.objects.find(text.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        raise Refused(ErrorCode.UNAUTHENTICATED, f"The API key is not valid, was revoked or has expired. {HOW}")
    if credentials.websocket:
        _check_origin(credentials)
    key.mark_used()
    return _of_key(key)


def _by_ticket(text: str, credentials: Credentials) -> Caller:
    """Whoever asked for the ticket; the origin is asked first, so that a page that may not use it cannot spend it."""
    _check_origin(credentials)
    ticket = SocketTicket.objects.redeem(text)
    if ticket is not None:
        scopes = frozenset(ticket.scopes)
        caller = Caller(ticket.user_id, ticket.user.get_username(), scopes, ticket.via, ticket.credential)
        if still_valid([caller]):
            return caller
    raise Refused(ErrorCode.UNAUTHENTICATED, "The ticket is not valid, was used or has expired.")


def _of_key(key: ApiKey) -> Caller:
    return Caller(key.user_id, key.user.get_username(), frozenset(key.scopes), "key", key.prefix)


def _check_origin(credentials: Credentials) -> None:
    """A socket with a key or a ticket comes from a program, our own pages, or those of an origin that is listed."""
    origin = credentials.headers.get("origin")
    if origin is not None and not credentials.origin_is_own and origin not in settings.CORS_ALLOWED_ORIGINS:
        raise Refused(ErrorCode.FORBIDDEN, "Sockets from this origin are not allowed (CORS_ALLOWED_ORIGINS).")


def _by_session(credentials: Credentials) -> Caller | None:
    session_key = credentials.cookies.get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user: Any = get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]
    if not user.is_authenticated or not user.is_active:
        return None
    _check_forgery(credentials)
    return _of_session(user, session_key)


def _of_session(user: Any, session_key: str) -> Caller:
    scopes = ALL_SCOPES if user.is_staff else frozenset({Scope.CHAT.value})
    return Caller(user.pk, user.get_username(), scopes, "session", session_key)


def _signed_in(session_keys: list[str]) -> set[Caller | None]:
    """The callers of those sessions that are there, of an active person who has not changed the password since."""
    rows = Session.objects.filter(pk__in=session_keys, expire_date__gt=timezone.now())
    sessions = {row.session_key: row.get_decoded() for row in rows}
    users: Any = get_user_model().objects.filter(pk__in={data.get(SESSION_KEY) for data in sessions.values()})
    active = {str(user.pk): user for user in users if user.is_active}
    return {
        _of_session(user, key)
        for key, data in sessions.items()
        if (user := active.get(str(data.get(SESSION_KEY))))
        and constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    }


def _check_forgery(credentials: Credentials) -> None:
    """A browser sends its cookies whoever asked for the request: this says whether it was one of our pages."""
    if credentials.websocket:
        if not credentials.origin_is_own:
            raise Refused(ErrorCode.FORBIDDEN, "A socket with a session has to come from this server's own pages.")
    elif credentials.asked_by_another_page or credentials.is_read_by_another_page:
        raise Refused(ErrorCode.FORBIDDEN, "A request with a session has to come from this server's own pages.")
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


def _local() -> Caller | None:
    users = load(get_user_model(), "username = %s AND is_active", LOCAL_USER, only=("username",))
    return Caller(users[0].pk, LOCAL_USER, ALL_SCOPES, "local") if users else None
