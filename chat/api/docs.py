"""`/docs` and `/redoc`: the schema for people. Their scripts are ours to serve, so no other host is asked."""

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

# Both pages set styles from their scripts; ReDoc also searches in a worker that it makes of a blob.
STYLES: dict[str, Any] = {"style-src": [SELF, UNSAFE_INLINE]}
WORKER: dict[str, Any] = {"worker-src": [SELF, "blob:"], "img-src": [SELF, "data:"]}


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
