"""GET /tools."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tools.api.serializers import ToolListSerializer
from tools.models import Tool

EXAMPLE = OpenApiExample(
    "Tools",
    response_only=True,
    value={
        "results": [
            {
                "name": "get_weather",
                "description": "Get the current weather of a city.",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string", "description": "Name of the city."}},
                    "required": ["city"],
                    "additionalProperties": False,
                },
                "enabled": True,
                "timeout": None,
                "requires_approval": False,
                "replay": "safe",
            }
        ],
        "next": None,
        "count": 1,
    },
)


class ToolListView(APIView):
    """The tools that agents may be given, in the order of their names."""

    @extend_schema(
        operation_id="list_tools",
        summary="List tools",
        description="Every tool of this installation: name, description, JSON Schema of its parameters, and its rules.",
        tags=["tools"],
        responses=ToolListSerializer,
        examples=[EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        tools = list(Tool.objects.available())
        return Response(ToolListSerializer({"results": tools, "next": None, "count": len(tools)}).data)
