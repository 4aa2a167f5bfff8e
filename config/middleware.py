"""Django's middleware, without its thread hops.

Under ASGI, Django runs each synchronous hook of a middleware on a thread, for every request. Hooks that only read and
write headers run in the event loop here (InlineMiddleware). Hooks that read the session, which is in the database, are
for pages only (PageMiddleware): the API authenticates for itself, in chat.access.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthentication
from django.contrib.auth.middleware import get_user
from django.contrib.messages.middleware import MessageMiddleware as DjangoMessages
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessions
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware as DjangoSecurity
from django.utils.functional import SimpleLazyObject
from whitenoise.middleware import WhiteNoiseMiddleware

from chat import log_context
from chat.request_id import request_id

PAGES = re.compile(r"/(?:admin/.*|accounts/.*|)")
GetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def is_page(request: HttpRequest) -> bool:
    """Whether people look at this path in a browser; all other paths are the API."""
    return PAGES.fullmatch(request.path_info) is not None


class InlineMiddleware:
    """Mixed into a middleware whose hooks do nothing but compute: they run in the event loop."""

    get_response: Any

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response = None
        if hasattr(self, "process_request"):
            response = self.process_request(request)
        response = response or await self.get_response(request)
        if hasattr(self, "process_response"):
            response = self.process_response(request, response)
        return response  # type: ignore[no-any-return]


class PageMiddleware:
    """Mixed into a middleware that is for pages only."""

    get_response: Any

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if is_page(request):
            return await super().__acall__(request)  # type: ignore[misc, no-any-return]
        return await self.get_response(request)  # type: ignore[no-any-return]


class SecurityMiddleware(InlineMiddleware, DjangoSecurity):
    pass


class ContentSecurityPolicyMiddleware(InlineMiddleware, CSPMiddleware):
    pass


class FrameOptionsMiddleware(InlineMiddleware, XFrameOptionsMiddleware):
    pass


class SessionMiddleware(PageMiddleware, DjangoSessions):
    pass


class AuthenticationMiddleware(PageMiddleware, DjangoAuthentication):
    """Looks the user up when somebody asks for it, and tells the log then."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _told(get_user(request)))  # type: ignore[assignment]


def _told(user: Any) -> Any:
    if user.is_authenticated:
        log_context.tell_caller(user.get_username())
    return user


class MessageMiddleware(PageMiddleware, DjangoMessages):
    pass


class CsrfMiddleware(InlineMiddleware, CsrfViewMiddleware):
    """Checks pages here; the API checks its cookie sessions in chat.access."""

    async def process_view(  # type: ignore[override]
        self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any
    ) -> HttpResponse | None:
        if is_page(request):
            return super().process_view(request, callback, callback_args, callback_kwargs)
        return None


class RequestIdMiddleware:
    """Gives each request an id: the client's `X-Request-Id` where it is well formed, else a new one."""

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        known_as = request_id(request.headers.get("x-request-id", ""))
        request.request_id = known_as  # type: ignore[attr-defined]
        log_context.begin(known_as)
        response = await self.get_response(request)
        response["X-Request-Id"] = known_as
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not is_page(request):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise without a thread per request: the path is looked up in memory, only a hit is read from the disk."""

    async_capable = True
    sync_capable = True

    def __init__(self, get_response: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(get_response, *args, **kwargs)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if not iscoroutinefunction(self.get_response):
            return super().__call__(request)
        return self._respond(request)

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(self.static_prefix):
            return await self.get_response(request)  # type: ignore[no-any-return]
        path = request.path_info
        file = self.find_file(path) if self.autorefresh else self.files.get(path)
        if file is None:
            return await self.get_response(request)  # type: ignore[no-any-return]
        served = self.serve(file, request)
        body = b"".join(served.streaming_content) if served.streaming else served.content
        served.close()
        response = HttpResponse(body, status=served.status_code, headers=dict(served.headers))
        response.headers["Cache-Control"] = served.headers.get("Cache-Control", "no-cache")
        return response
