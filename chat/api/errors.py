"""Every error of the API in one shape: {"error": {"code", "message", "details"?, "request_id"}}."""

import logging
import math
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from agents.errors import ErrorCode
from chat.exceptions import RETRY_AFTER, Refused

log = logging.getLogger(__name__)
OUR_FAULT = "Something went wrong on our side. Try again."
NON_FIELD_ERRORS_KEY = api_settings.NON_FIELD_ERRORS_KEY
Kinds = tuple[type[Exception], ...]
ANSWERS: list[tuple[Kinds, ErrorCode, str, int | None]] = [
    ((Http404, exceptions.NotFound), ErrorCode.NOT_FOUND, "There is nothing here.", None),
    ((PermissionDenied, exceptions.PermissionDenied), ErrorCode.FORBIDDEN, "You may not do this.", None),
    (
        (exceptions.UnsupportedMediaType,),
        ErrorCode.INVALID_REQUEST,
        "Send JSON with `Content-Type: application/json`.",
        415,
    ),
    ((RequestDataTooBig,), ErrorCode.INVALID_REQUEST, "The body is too large.", 413),
    ((exceptions.ParseError, SuspiciousOperation), ErrorCode.INVALID_REQUEST, "The request cannot be read.", None),
    ((OperationalError, InterfaceError), ErrorCode.UNAVAILABLE, "The database cannot be reached. Try again.", None),
]


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: an answer for everything, and the traceback for the log."""
    refused = as_refused(error)
    if refused.code is ErrorCode.INTERNAL_ERROR:
        log.error("A request failed", exc_info=error)
    response = Response(error_body(refused, _request_id(context.get("request"))), status=refused.status)
    for name, value in headers_of(refused).items():
        response[name] = value
    if isinstance(error, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def as_refused(error: Exception) -> Refused:
    """What a client is told of any exception."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, exceptions.ValidationError):
        return _invalid_fields(error)
    if isinstance(error, exceptions.MethodNotAllowed):
        return Refused(ErrorCode.INVALID_REQUEST, f"{error.detail}", status=405)
    for kinds, code, message, status in ANSWERS:
        if isinstance(error, kinds):
            return Refused(code, message, status=status, retry_after=RETRY_AFTER if code.status == 503 else None)
    return Refused(ErrorCode.INTERNAL_ERROR, OUR_FAULT)


def error_body(refused: Refused, request_id: str) -> dict[str, Any]:
    error: dict[str, Any] = {"code": refused.code.value, "message": refused.message}
    if refused.details:
        error["details"] = refused.details
    return {"error": error | {"request_id": request_id}}


def headers_of(refused: Refused) -> dict[str, str]:
    headers = dict(refused.headers)
    if refused.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(refused.retry_after))
    if refused.code is ErrorCode.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def error_response(refused: Refused, request: HttpRequest) -> JsonResponse:
    """The same answer outside DRF."""
    return JsonResponse(error_body(refused, _request_id(request)), status=refused.status, headers=headers_of(refused))


def _request_id(request: Any) -> str:
    return str(getattr(getattr(request, "_request", request), "request_id", ""))


def _invalid_fields(error: exceptions.ValidationError) -> Refused:
    """The first problem as the message, all of them by field in the details."""
    detail = error.detail if isinstance(error.detail, dict) else {NON_FIELD_ERRORS_KEY: error.detail}
    fields = {field: [str(problem) for problem in _flat(problems)] for field, problems in detail.items()}
    field, problems = next(iter(fields.items()))
    if field == NON_FIELD_ERRORS_KEY:
        return Refused(ErrorCode.INVALID_REQUEST, problems[0])
    return Refused(ErrorCode.INVALID_REQUEST, f"`{field}`: {problems[0]}", details={"fields": fields})


def _flat(problems: Any) -> list[Any]:
    if isinstance(problems, dict):
        return [item for value in problems.values() for item in _flat(value)]
    if isinstance(problems, list):
        return [item for value in problems for item in _flat(value)]
    return [problems]
