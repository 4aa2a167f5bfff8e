"""Agents as clients see and send them."""

from typing import Any

from django.core.exceptions import ValidationError as InvalidModel
from rest_framework import serializers

from agents.api.strict import StrictSerializer
from agents.model_settings import validate_model_settings
from agents.models import Agent, builtin_tools
from tools.models import Tool


class AgentSerializer(StrictSerializer, serializers.ModelSerializer[Agent]):
    """An agent. `agent_name` is what requests call it; `name` is what people see.

    Instructions are left out for callers without the scope `agents`. Unknown fields are refused.
    """

    agent_name = serializers.CharField(source="slug", read_only=True)
    name = serializers.CharField(max_length=100, required=False, help_text="Display name; `Assistant` by default.")
    model = serializers.CharField(max_length=200, required=False, allow_blank=True, help_text="Empty: DEFAULT_MODEL.")
    instructions = serializers.CharField(
        max_length=100_000,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Left out of answers to callers without the scope `agents`, as are `provider` and `model_settings`.",
    )
    model_settings = serializers.DictField(required=False, help_text="Such as temperature or max_tokens.")
    max_parallel_tools = serializers.IntegerField(required=False, min_value=1, max_value=64)
    tool_call_timeout = serializers.FloatField(required=False, min_value=0.1, max_value=3600, help_text="Seconds.")
    max_rounds = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=1000)
    tools = serializers.SlugRelatedField(
        slug_field="name",
        many=True,
        required=False,
        queryset=Tool.objects.all(),
        help_text="Names of tools.",
        error_messages={"does_not_exist": "There is no tool named {value!r}. GET /tools lists them."},
    )
    allow_instructions = serializers.BooleanField(
        required=False,
        help_text="Whether a request's `instructions` may replace these for its own run; else it is 403.",
    )
    is_default = serializers.BooleanField(read_only=True)

    class Meta:
        model = Agent
        fields = ["agent_name", "name", "description", "instructions", "provider", "model", "model_settings", "tools",
                  "allow_instructions", "max_parallel_tools", "tool_call_timeout", "max_rounds", "is_active",
                  "is_default", "created_at", "updated_at"]  # fmt: skip
        read_only_fields = ["agent_name", "is_default", "created_at", "updated_at"]

    def to_representation(self, agent: Agent) -> dict[str, Any]:
        told = super().to_representation(agent)
        told["model"] = agent.effective_model
        if not self.context.get("may_manage"):
            for private in ("instructions", "provider", "model_settings"):
                del told[private]
        return told

    def validate_model_settings(self, value: Any) -> Any:
        try:
            validate_model_settings(value)
        except InvalidModel as invalid:
            raise serializers.ValidationError(invalid.messages) from None
        return value

    def create(self, validated_data: dict[str, Any]) -> Agent:
        validated_data.setdefault("tools", builtin_tools())
        return super().create(validated_data)


class AgentListSerializer(serializers.Serializer[Any]):
    agents = serializers.ListField(child=serializers.CharField(), help_text="The names that requests use.")
    count = serializers.IntegerField()
    results = AgentSerializer(many=True)


class AgentCreatedSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()
    tools_count = serializers.IntegerField()
    agent = AgentSerializer()
