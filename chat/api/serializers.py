"""Rows as clients see them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents.api.strict import StrictSerializer
from agents.messages import AssistantMessage
from chat.history import answer_turns
from chat.models import Conversation, Message, Run, ToolCall


class ToolCallSerializer(serializers.ModelSerializer[ToolCall]):
    """A tool call, in the same shape as in the events, and what a person has decided about it."""

    id = serializers.CharField(source="call_id", help_text="The model's id of the call.")
    arguments = serializers.DictField()
    result = serializers.JSONField(allow_null=True, help_text="Any JSON value.")
    error = serializers.SerializerMethodField()
    decision = serializers.SerializerMethodField()

    class Meta:
        model = ToolCall
        fields = [
            "id",
            "name",
            "arguments",
            "status",
            "result",
            "error",
            "execution_time_ms",
            "decision",
            "decided_at",
        ]

    @extend_schema_field({"type": ["string", "null"]})
    def get_error(self, call: ToolCall) -> str | None:
        return call.error or None

    @extend_schema_field(serializers.ChoiceField(choices=ToolCall.Decision.choices, allow_null=True))
    def get_decision(self, call: ToolCall) -> str | None:
        return call.decision or None


class DecisionSerializer(StrictSerializer):
    """What a person says of a call whose outcome is unknown."""

    decision = serializers.ChoiceField(choices=ToolCall.Decision.choices)


class RunUsageSerializer(serializers.Serializer[Any]):
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    estimated = serializers.BooleanField(help_text="The provider did not count; these are estimates.")


class RunErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class RunSerializer(serializers.ModelSerializer[Run]):
    """A run: its state, and what it has cost."""

    conversation_id = serializers.UUIDField()
    usage = RunUsageSerializer()
    error = serializers.SerializerMethodField()
    last_seq = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id",
            "conversation_id",
            "agent_name",
            "model",
            "status",
            "attempt",
            "finish_reason",
            "error",
            "usage",
            "tool_call_count",
            "first_token_ms",
            "duration_ms",
            "last_seq",
            "created_at",
            "finished_at",
        ]

    @extend_schema_field(RunErrorSerializer(allow_null=True))
    def get_error(self, run: Run) -> dict[str, str] | None:
        return {"code": run.error_code, "message": run.error_message} if run.error_code else None

    def get_last_seq(self, run: Run) -> int:
        return run.last_seq()


class RunDetailSerializer(RunSerializer):
    tool_calls = ToolCallSerializer(many=True)

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "tool_calls"]


class CancelledRunSerializer(RunDetailSerializer):
    """The run after a cancel; `stopped` says what the cancel cut."""

    stopped = serializers.SerializerMethodField()

    class Meta(RunDetailSerializer.Meta):
        fields = [*RunDetailSerializer.Meta.fields, "stopped"]

    @extend_schema_field(
        {"type": "array", "items": {"type": "string"}, "description": "`answer` and the names of the tools that ran."}
    )
    def get_stopped(self, run: Run) -> list[str]:
        if run.status != Run.Status.CANCELLED:
            return []
        return ["answer", *(call.name for call in run.tool_calls.all() if call.status == ToolCall.Status.CANCELLED)]


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    active_run_id = serializers.SerializerMethodField()
    title = serializers.CharField(max_length=200, trim_whitespace=True)

    class Meta:
        model = Conversation
        fields = ["id", "title", "agent_name", "is_current", "active_run_id", "created_at", "updated_at"]
        read_only_fields = ["id", "agent_name", "is_current", "active_run_id", "created_at", "updated_at"]

    @extend_schema_field({"type": ["string", "null"], "format": "uuid"})
    def get_active_run_id(self, conversation: Conversation) -> str | None:
        active = [run for run in conversation.runs.all() if run.is_active]
        return str(active[0].pk) if active else None


class ConversationChangeSerializer(StrictSerializer):
    title = serializers.CharField(max_length=200, trim_whitespace=True)


class PartSerializer(serializers.Serializer[Any]):
    """A part of an answer, in the order in which it was told."""

    type = serializers.ChoiceField(choices=["text", "reasoning", "tool_calls"])
    text = serializers.CharField(required=False)
    tool_calls = ToolCallSerializer(many=True, required=False)


class MessageSerializer(serializers.ModelSerializer[Message]):
    parent_id = serializers.UUIDField(allow_null=True)
    run = serializers.SerializerMethodField()
    parts = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = ["id", "role", "content", "created_at", "parent_id", "run", "parts"]

    @extend_schema_field(RunSerializer(allow_null=True))
    def get_run(self, message: Message) -> dict[str, Any] | None:
        run = getattr(message, "run", None)
        return RunSerializer(run).data if run is not None else None

    @extend_schema_field(PartSerializer(many=True))
    def get_parts(self, message: Message) -> list[dict[str, Any]]:
        if message.role == Message.Role.USER:
            return [{"type": "text", "text": message.content}]
        run = getattr(message, "run", None)
        calls = {call.call_id: call for call in run.tool_calls.all()} if run else {}
        return [part for turn in answer_turns(message) for part in _parts_of(turn, calls)]


def _parts_of(turn: AssistantMessage, calls: dict[str, ToolCall]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if turn.reasoning:
        parts.append({"type": "reasoning", "text": turn.reasoning})
    if turn.content:
        parts.append({"type": "text", "text": turn.content})
    told = [calls[call.id] for call in turn.tool_calls if call.id in calls]
    if told:
        parts.append({"type": "tool_calls", "tool_calls": ToolCallSerializer(told, many=True).data})
    return parts


class ChatRequestSerializer(StrictSerializer):
    """The schema of chat.requests.ChatRequest, which decodes it."""

    message = serializers.CharField(help_text="At most MAX_MESSAGE_CHARS characters.")
    reset_history = serializers.BooleanField(default=False, help_text="Begin a new conversation.")
    parallel_tools = serializers.BooleanField(default=True, help_text="Run a round's tool calls side by side.")
    agent_name = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="Default: the conversation's agent, else `default`.",
    )
    conversation_id = serializers.CharField(
        required=False, allow_null=True, help_text="Default: your current conversation with the agent."
    )
    instructions = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="Replaces the agent's instructions for this run, where its `allow_instructions` is set; else 403.",
    )


class ChatResponseSerializer(serializers.Serializer[Any]):
    response = serializers.CharField()
    tool_calls = ToolCallSerializer(many=True)
    conversation_id = serializers.UUIDField()
    timestamp = serializers.DateTimeField()
    run_id = serializers.UUIDField()
    agent_name = serializers.CharField()
    model = serializers.CharField()
    finish_reason = serializers.CharField()
    usage = RunUsageSerializer()
    duration_ms = serializers.IntegerField()
    first_token_ms = serializers.IntegerField(allow_null=True)


class EventPageSerializer(serializers.Serializer[Any]):
    run_id = serializers.UUIDField()
    status = serializers.CharField()
    events = serializers.ListField(child=serializers.DictField())
    next = serializers.IntegerField(allow_null=True, help_text="Ask for the next page with ?after=…")


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["healthy", "degraded", "error"])
    version = serializers.CharField()
    available_tools = serializers.ListField(child=serializers.CharField())
    uptime_seconds = serializers.FloatField()
    active_connections = serializers.IntegerField(help_text="Open sockets and streams of this process.")
    active_runs = serializers.IntegerField(help_text="Runs that this process works on.")
    model = serializers.CharField(help_text="`demo`, or the model of agents that name none.")
    demo = serializers.BooleanField()
    message = serializers.CharField(allow_blank=True)
    checks = serializers.DictField(child=serializers.CharField())


class LiveSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["live"])


class ReadySerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ready", "not_ready"])
    checks = serializers.DictField(child=serializers.CharField())


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="For `/ws?ticket=…`: good once. Keep it out of logs all the same.")
    expires_at = serializers.DateTimeField(help_text="30 seconds from now.")
