"""The error answers of the API, for its schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from agents.errors import STATUS, ErrorCode


class ErrorBodySerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=[(code.value, f"{STATUS[code]}") for code in ErrorCode])
    message = serializers.CharField(help_text="For people; says what to do next.")
    details = serializers.DictField(required=False)
    request_id = serializers.CharField()


class ErrorResponseSerializer(serializers.Serializer[Any]):
    error = ErrorBodySerializer()


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """The error answers of an operation, by status, with the codes that each can carry."""
    return {status: error_answer(status) for status in statuses}


def error_answer(status: int) -> OpenApiResponse:
    codes = [code.value for code in ErrorCode if STATUS[code] == status] or [ErrorCode.INVALID_REQUEST.value]
    example = {"error": {"code": codes[0], "message": "What is wrong, and what to do next.", "request_id": "5f0c…"}}
    return OpenApiResponse(
        ErrorResponseSerializer,
        description=", ".join(f"`{code}`" for code in codes),
        examples=[OpenApiExample(codes[0], value=example, response_only=True, status_codes=[str(status)])],
    )
