"""The error answers of the API, for its schema."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from agents.errors import STATUS, ErrorCode


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=[(code.value, f"{STATUS[code]}") for code in ErrorCode])
    message = serializers.CharField(help_text="For people; says what to do next.")
    details = serializers.DictField(required=False)
    request_id = serializers.CharField()


class ErrorResponseSerializer(serializers.Serializer[Any]):
    error = ErrorSerializer()


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """The error answers of an operation, by status, with the codes that each can carry."""
    answers = {}
    for status in statuses:
        codes = [code.value for code in ErrorCode if STATUS[code] == status] or [ErrorCode.INVALID_REQUEST.value]
        answers[status] = OpenApiResponse(ErrorResponseSerializer, description=", ".join(f"`{code}`" for code in codes))
    return answers
