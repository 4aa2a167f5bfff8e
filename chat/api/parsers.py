"""JSON as the API takes it: strict, bounded, and free of what cannot be stored."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import JSONParser

from agents.errors import ErrorCode
from chat.exceptions import Refused
from chat.requests import decode_json


class StrictJSONParser(JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {})["request"]._request
        return decode_json(body_of(request))


def body_of(request: Any) -> bytes:
    """The whole body. Raises Refused (413) when it is larger than DATA_UPLOAD_MAX_MEMORY_SIZE."""
    try:
        return request.body  # type: ignore[no-any-return]
    except RequestDataTooBig:
        raise Refused(ErrorCode.INVALID_REQUEST, "The body is too large.", status=413) from None
