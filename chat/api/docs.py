"""`/docs` and `/redoc`: the schema for people. Their scripts are ours to serve, so no other host is asked."""

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView

# Both pages set styles from their scripts; ReDoc also searches in a worker that it makes of a blob.
STYLES: dict[str, Any] = {"style-src": [SELF, UNSAFE_INLINE]}
WORKER: dict[str, Any] = {"worker-src": [SELF, "blob:"], "img-src": [SELF, "data:"]}


@method_decorator(csp_update(STYLES), name="dispatch")
class SwaggerView(SpectacularSwaggerSplitView):
    pass


@method_decorator(csp_update(STYLES | WORKER), name="dispatch")
class ReferenceView(SpectacularRedocView):
    template_name = "chat/redoc.html"  # the library's own asks another host for fonts
