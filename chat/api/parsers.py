"""JSON as the API takes it: strict, bounded, and free of what cannot be stored."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from agents.errors import ErrorCode
from chat.exceptions import Refused
from chat.requests import decode, decode_json


class StrictJSONParser(JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request = (parser_context or {})["request"]._request
        return decode_json(body_of(request))


class NoFields(msgspec.Struct, forbid_unknown_fields=True):
    """What a command may bring that has nothing to say."""


def check_no_fields(request: Request) -> None:
    """For a command without options: no body does, or an empty object. Raises Refused or UnsupportedMediaType."""
    if body_of(request._request):
        decode(json_body(request), NoFields)


def json_body(request: Request) -> bytes:
    """The body of a request that says that it is JSON. Raises Refused (413) or UnsupportedMediaType."""
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(request.content_type)
    return body_of(request._request)


def body_of(request: Any) -> bytes:
    """The whole body. Raises Refused (413) when it is larger than DATA_UPLOAD_MAX_MEMORY_SIZE."""
    try:
        return request.body  # type: ignore[no-any-return]
    except RequestDataTooBig:
        raise Refused(ErrorCode.INVALID_REQUEST, "The body is too large.", status=413) from None
