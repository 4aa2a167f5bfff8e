"""Every answer is JSON (streams aside), whatever the client accepts. Only a run's events come in either form."""

import re
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation

QUALITY = re.compile(r";\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE)


def prefers_json(accept: str) -> bool:
    """Whether an `Accept` wants JSON more than a stream: by its weights, then by which of the two it names."""
    return _weight(accept, "application/json") > _weight(accept, "text/event-stream")


def _weight(accept: str, media_type: str) -> tuple[float, int]:
    """What the most specific range says that holds the type: its weight, 0 to 1, and how specific it is, 0 to 2."""
    qualities = dict(map(_range, accept.split(",")))
    main, _, _ = media_type.partition("/")
    for specificity, name in ((2, media_type), (1, f"{main}/*"), (0, "*/*")):
        if name in qualities:
            return (qualities[name], specificity) if qualities[name] else (0.0, 0)
    return 0.0, 0


def _range(text: str) -> tuple[str, float]:
    name, semicolon, parameters = text.partition(";")
    quality = QUALITY.search(semicolon + parameters)
    return name.strip().lower(), float(quality[1]) if quality else 1.0


class AlwaysJSON(BaseContentNegotiation):
    """`Accept: text/event-stream` on a view would be a 406 with DRF's own negotiation."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        content_type = (request.content_type or "application/json").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
