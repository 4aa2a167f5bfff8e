"""A DRF view whose handlers are coroutines: it waits without a thread and without a database connection."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import log_context
from chat.access import Caller, authenticate
from chat.credentials import Credentials
from chat.database import in_database


class AsyncAPIView(APIView):
    """Authentication runs on a database thread, the handler in the event loop. Errors take DRF's usual way."""

    authentication_classes = ()  # the door is `authenticate`, below
    permission_classes = ()
    required_scope: str | None = "chat"  # None: open to all
    caller: Caller

    async def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        wrapped = self.request = self.initialize_request(request, *args, **kwargs)
        try:
            self.initial(wrapped, *args, **kwargs)
            response = await self._answer(wrapped, *args, **kwargs)
        except Exception as error:
            response = self.handle_exception(error)
        finished = self.finalize_response(wrapped, response, *args, **kwargs)
        self._part_from(wrapped, finished)
        return finished

    def _part_from(self, request: Request, response: HttpResponseBase) -> None:
        """Undo what makes these refer to themselves: only the garbage collector would find them otherwise."""
        request.parser_context.clear()
        vars(self).pop("head", None)
        if isinstance(response, Response):
            response.add_post_render_callback(lambda rendered: rendered.renderer_context.clear())

    def perform_authentication(self, request: Request) -> None:
        """Not here: it uses the database."""

    async def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        return super().options(request, *args, **kwargs)

    async def _answer(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        handler = getattr(self, (request.method or "").lower(), None)
        if (request.method or "").lower() not in self.http_method_names or handler is None:
            return self.http_method_not_allowed(request, *args, **kwargs)
        if self.required_scope is not None:
            self.caller = await in_database(authenticate, Credentials.of_request(request._request))
            log_context.tell_caller(self.caller.username)
            self.caller.require(self.required_scope)
        return await handler(request, *args, **kwargs)
