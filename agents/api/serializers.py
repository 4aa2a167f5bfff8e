"""Agents as clients see and send them."""

from typing import Any

from django.core.exceptions import ValidationError as InvalidModel
from rest_framework import serializers

from agents.model_settings import validate_model_settings
from agents.models import Agent, builtin_tools
from tools.models import Tool

JSON_TYPES: dict[type[serializers.Field[Any, Any, Any, Any]], tuple[str, tuple[type, ...]]] = {
    serializers.CharField: ("a string", (str,)),
    serializers.BooleanField: ("true or false", (bool,)),
    serializers.IntegerField: ("a whole number", (int,)),
    serializers.FloatField: ("a number", (int, float)),
}


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """An agent. `agent_name` is what requests call it; `name` is what people see.

    Instructions are left out for callers without the scope `agents`. Unknown fields are refused.
    """

    agent_name = serializers.CharField(source="slug", read_only=True)
    name = serializers.CharField(max_length=100, required=False, help_text="Display name; `Assistant` by default.")
    model = serializers.CharField(max_length=200, required=False, allow_blank=True, help_text="Empty: DEFAULT_MODEL.")
    instructions = serializers.CharField(max_length=100_000, required=False, allow_blank=True, trim_whitespace=False)
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
    is_default = serializers.BooleanField(read_only=True)

    class Meta:
        model = Agent
        fields = ["agent_name", "name", "description", "instructions", "provider", "model", "model_settings", "tools",
                  "max_parallel_tools", "tool_call_timeout", "max_rounds", "is_active", "is_default", "created_at",
                  "updated_at"]  # fmt: skip
        read_only_fields = ["agent_name", "is_default", "created_at", "updated_at"]

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            problems = {name: [problem] for name in sorted(data) if (problem := self._problem(name, data[name]))}
            if problems:
                raise serializers.ValidationError(problems)
        return super().to_internal_value(data)

    def _problem(self, name: str, value: Any) -> str | None:
        """What is wrong with a field before its value is looked at. Django REST framework would take "5" for 5."""
        field = self.fields.get(name)
        if field is None or field.read_only:
            return "This field is not known."
        for kind, (wanted, types) in JSON_TYPES.items():
            if isinstance(field, kind) and value is not None and type(value) not in types:
                return f"{wanted.capitalize()} is needed."
        return None

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
