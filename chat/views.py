"""The chat page, and the answers to what goes wrong before a view is reached."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView

from agents.errors import ErrorCode
from agents.providers import is_demo
from chat import log_context
from chat.access import Caller, authenticate
from chat.api.errors import OUR_FAULT, error_response
from chat.credentials import Credentials
from chat.exceptions import Refused, not_found
from chat.models.access import Scope

DAY = 86_400  # seconds


@method_decorator(ensure_csrf_cookie, name="dispatch")
class ChatPage(TemplateView):
    """The page at `/`. Whoever may not use the API is asked to sign in."""

    template_name = "chat/page.html"
    caller: Caller

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            self.caller = authenticate(Credentials.of_request(request))
            log_context.tell_caller(self.caller.username)
        except Refused as refused:
            if refused.code is ErrorCode.UNAUTHENTICATED:
                return redirect_to_login(request.get_full_path())
            return error_response(refused, request)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            user_name=self.caller.username,
            demo=is_demo(),
            version=settings.VERSION,
            can_manage=Scope.AGENTS in self.caller.scopes,
            open_access=self.caller.via == "local",
            **kwargs,
        )


async def favicon(request: HttpRequest) -> HttpResponse:
    """What a browser asks for where a page, or an answer of the API, names no icon."""
    return HttpResponseRedirect(static("chat/icon.svg"), headers={"Cache-Control": f"max-age={DAY}"})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(Refused(ErrorCode.INVALID_REQUEST, "The request cannot be read."), request)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(Refused(ErrorCode.FORBIDDEN, "You may not do this."), request)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if "text/html" in request.headers.get("accept", ""):
        return render(request, "404.html", status=404)
    return error_response(not_found("page"), request)


def server_error(request: HttpRequest) -> HttpResponse:
    if "text/html" in request.headers.get("accept", ""):
        return render(request, "500.html", status=500)
    return error_response(Refused(ErrorCode.INTERNAL_ERROR, OUR_FAULT), request)
