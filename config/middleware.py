"""Django's middleware, without its thread hops and with few coroutines.

Under ASGI, Django runs each synchronous hook of a middleware on a thread, and awaits two coroutines for each middleware
whenever a request goes on. Hooks that only read and write headers run in the event loop here, several in one coroutine.
Hooks that read the session, which is in the database, are for pages only (PageMiddleware): the API authenticates for
itself, in chat.access.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from corsheaders.middleware import CorsMiddleware
from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthentication
from django.contrib.auth.middleware import get_user
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject
from whitenoise.middleware import WhiteNoiseMiddleware

from agents.errors import ErrorCode
from chat import log_context
from chat.api.errors import error_response
from chat.exceptions import Refused
from chat.request_id import request_id

PAGES = re.compile(r"/(?:admin/.*|accounts/.*|)")
OWN_POLICY = {"_csp_exempt", "_csp_config", "_csp_update", "_csp_replace"}  # what csp's decorators set on a response
GetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def is_page(request: HttpRequest) -> bool:
    """Whether people look at this path in a browser; all other paths are the API."""
    return PAGES.fullmatch(request.path_info) is not None


def too_large(request: HttpRequest) -> HttpResponse | None:
    """The answer to a body that says to be longer than anything we take; None for others."""
    length, most = request.META.get("CONTENT_LENGTH") or "", settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if not length.isdecimal() or int(length) <= most:
        return None
    message = f"The body is too large: at most {most} bytes are taken."
    return error_response(Refused(ErrorCode.INVALID_REQUEST, message, status=413), request)


class EventLoopMiddleware:
    """A middleware that runs in the event loop."""

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Awaitable[HttpResponseBase]:
        return self.get_response(request)


class AnswerMiddleware(EventLoopMiddleware):
    """What every answer has: the id of its request, and the headers of Django's SecurityMiddleware.

    The id is the client's `X-Request-Id` where it is well formed, else a new one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._security = SecurityMiddleware(get_response)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        known_as = request_id(request.META.get("HTTP_X_REQUEST_ID", ""))
        request.request_id = known_as  # type: ignore[attr-defined]
        log_context.begin(known_as)
        elsewhere = self._security.process_request(request)
        response: Any = elsewhere or await self.get_response(request)
        self._security.process_response(request, response)
        response["X-Request-Id"] = known_as
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not is_page(request):
            response.headers.setdefault("Cache-Control", "no-store")
        return response  # type: ignore[no-any-return]


class ContentSecurityPolicy(CSPMiddleware):
    """Makes the policy of nearly every answer once: the answer of a view that has its own gets that one."""

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._usual = build_policy()

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_usual = OWN_POLICY.isdisjoint(vars(response)) and not hasattr(request, "_csp_nonce")
        if settings.DEBUG or not is_usual:
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._usual)
        return response


class BrowserMiddleware(EventLoopMiddleware):
    """What a browser may do with an answer, in this order: content security policy, CORS, frames; and CSRF cookies.

    Bodies that are too large are refused here, so that pages of other origins can read why.
    CSRF tokens are checked here for pages; the API checks its cookie sessions in chat.access.
    """

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._policy = ContentSecurityPolicy(get_response)
        self._cors = CorsMiddleware(get_response)
        self._frames = XFrameOptionsMiddleware(get_response)
        self._csrf = CsrfViewMiddleware(get_response)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        self._policy.process_request(request)
        response: Any = self._cors.check_preflight(request) if request.method == "OPTIONS" else None
        if response is None:
            self._csrf.process_request(request)
            response = too_large(request) or await self.get_response(request)
            self._csrf.process_response(request, response)
            self._frames.process_response(request, response)
        self._say_who_may_read(request, response)
        response = self._policy.process_response(request, response)
        vars(request).pop("csp_nonce", None)  # it refers back to the request, which would wait for the collector
        return response  # type: ignore[no-any-return]

    def _say_who_may_read(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """An answer to a request without an origin only says that origins make a difference."""
        if "HTTP_ORIGIN" in request.META:
            self._cors.add_response_headers(request, response)
        else:
            patch_vary_headers(response, ("origin",))

    async def process_view(
        self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any
    ) -> HttpResponse | None:
        if is_page(request):
            return self._csrf.process_view(request, callback, callback_args, callback_kwargs)
        return None


class AuthenticationMiddleware(DjangoAuthentication):
    """Looks the user up when somebody asks for it, and tells the log then."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _told(get_user(request)))  # type: ignore[assignment]


def _told(user: Any) -> Any:
    if user.is_authenticated:
        log_context.tell_caller(user.get_username())
    return user


class PageMiddleware(EventLoopMiddleware):
    """Sessions, login and messages, for pages only."""

    layers = (SessionMiddleware, AuthenticationMiddleware, MessageMiddleware)

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self._page: Any = get_response
        for layer in reversed(self.layers):
            self._page = convert_exception_to_response(layer(self._page))

    def __call__(self, request: HttpRequest) -> Awaitable[HttpResponseBase]:
        return self._page(request) if is_page(request) else self.get_response(request)


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
        if not request.path_info.startswith(self.static_prefix):
            return self.get_response(request)
        return self._respond(request)

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
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
