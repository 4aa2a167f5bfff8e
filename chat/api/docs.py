"""`/openapi.json`, and `/docs` and `/redoc`, the schema for people: no other host is asked for their scripts."""

import threading
from functools import cache
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

# Both pages set styles from their scripts; ReDoc also searches in a worker that it makes of a blob.
STYLES: dict[str, Any] = {"style-src": [SELF, UNSAFE_INLINE]}
WORKER: dict[str, Any] = {"worker-src": [SELF, "blob:"], "img-src": [SELF, "data:"]}


one_at_a_time = threading.Lock()  # the generator fails when two threads start it


def schema() -> bytes:
    """The schema in JSON. It is made once in a process: making it takes long, and anybody may ask for it."""
    with one_at_a_time:
        return made_schema()


@cache
def made_schema() -> bytes:
    generator: Any = SchemaGenerator
    made: bytes = OpenApiJsonRenderer().render(generator().get_schema(request=None, public=True))
    return made


class SchemaView(APIView):
    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(schema(), content_type=OpenApiJsonRenderer.media_type)


class Page(APIView):
    """Read only; what goes wrong is told in JSON, as everywhere: the page's own renderer knows no errors."""

    http_method_names = ["get", "head"]

    def handle_exception(self, exc: Exception) -> Response:
        self.request.accepted_renderer = JSONRenderer()
        return super().handle_exception(exc)


@method_decorator(csp_update(STYLES), name="dispatch")
class SwaggerView(Page, SpectacularSwaggerSplitView):
    pass


@method_decorator(csp_update(STYLES | WORKER), name="dispatch")
class ReferenceView(Page, SpectacularRedocView):
    template_name = "chat/redoc.html"  # the library's own asks another host for fonts
