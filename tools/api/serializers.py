"""Tools on the wire."""

from rest_framework import serializers

from tools.models import ReplayRule, Tool


class ToolSerializer(serializers.ModelSerializer[Tool]):
    """A tool, with the rules that hold: the admin's, else those of the code."""

    parameters = serializers.DictField(help_text="JSON Schema of the arguments: an object.")
    timeout = serializers.FloatField(
        source="runnable.timeout", allow_null=True, help_text="Seconds per call; null: as the agent says."
    )
    requires_approval = serializers.BooleanField(
        source="runnable.requires_approval", help_text="Whether a person has to approve each call."
    )
    replay = serializers.ChoiceField(
        choices=ReplayRule.choices,
        source="runnable.replay",
        help_text="What happens to a call that a crash of the server cut: only `unsafe` ones are not run again.",
    )

    class Meta:
        model = Tool
        fields = ["name", "description", "parameters", "enabled", "timeout", "requires_approval", "replay"]
        read_only_fields = fields


class ToolListSerializer(serializers.Serializer[dict[str, object]]):
    """All tools in one page: there are few."""

    results = ToolSerializer(many=True)
    next = serializers.CharField(allow_null=True, default=None, help_text="Always null.")
    count = serializers.IntegerField()
