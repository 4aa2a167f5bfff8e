"""Every answer is JSON (streams aside), whatever the client accepts."""

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation


class AlwaysJSON(BaseContentNegotiation):
    """`Accept: text/event-stream` on a view would be a 406 with DRF's own negotiation."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        content_type = (request.content_type or "application/json").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
