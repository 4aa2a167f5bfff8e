"""DRF's authentication, through the one door."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from chat import log_context
from chat.access import Caller, authenticate
from chat.credentials import Credentials


class CallerAuthentication(BaseAuthentication):
    """`request.auth` is the Caller; `request.user` is not used."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        caller = authenticate(Credentials.of_request(request._request))
        log_context.tell_caller(caller.username)
        return None, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def caller_of(request: Request) -> Caller:
    caller: Any = request.auth  # DRF's stubs know only its own tokens
    return caller  # type: ignore[no-any-return]


class CallerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = CallerAuthentication
    name = ["apiKey", "session"]

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "A key from `manage.py create_api_key`."},
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "A browser session, with X-CSRFToken.",
            },
        ]
