"""`/agents`: who can be asked, and for those who may: managing them."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agents.api.schema import errors
from agents.api.serializers import AgentCreatedSerializer, AgentListSerializer, AgentSerializer
from agents.errors import ErrorCode, Refused
from agents.models import SLUG_LENGTH, Agent, builtin_tools, is_slug, validate_slug
from tools.changes import tell

CONFIG = {
    "name": "MyAssistant",
    "instructions": "You are a specialized assistant for …",
    "model": "gpt-4-turbo-preview",
    "max_parallel_tools": 3,
    "tool_call_timeout": 30.0,
}
AGENT: dict[str, Any] = {
    "agent_name": "my_custom_agent",
    "description": "",
    "provider": "default",
    "model_settings": {},
    "tools": ["calculate", "get_time"],
    "max_rounds": None,
    "allow_instructions": False,
    "is_active": True,
    "is_default": False,
    "created_at": "2026-11-22T21:15:03.120Z",
    "updated_at": "2026-11-22T21:15:03.120Z",
    **CONFIG,
}
A_CONFIG = OpenApiExample("A configuration", value=CONFIG, request_only=True)
AN_AGENT = OpenApiExample("An agent", value=AGENT, response_only=True, status_codes=["200"])


class AgentsView(APIView):
    """Base: everybody who may converse sees agents; changes need the scope `agents`."""

    required_scope = "chat"
    write_scope = "agents"

    def context(self) -> dict[str, Any]:
        caller: Any = self.request.auth  # chat.access.Caller; DRF's stubs know only its own tokens
        return {"may_manage": "agents" in caller.scopes}

    def agents(self) -> QuerySet[Agent]:
        return Agent.objects.prefetch_related("tools")

    def find(self, agent_name: str) -> Agent:
        agent = self.agents().filter(slug=agent_name).first() if is_slug(agent_name) else None
        if agent is None:
            raise Refused(ErrorCode.AGENT_NOT_FOUND, f"There is no agent named {agent_name!r}. GET /agents lists them.")
        return agent


class AgentListView(AgentsView):
    @extend_schema(
        operation_id="agents_list",
        summary="Agents that can be asked",
        description="Callers with the scope `agents` also see inactive agents, and each one's instructions.",
        responses={200: AgentListSerializer, **errors(401, 403)},
        examples=[
            OpenApiExample(
                "Agents",
                value={"agents": ["my_custom_agent"], "count": 1, "results": [AGENT]},
                response_only=True,
            )
        ],
        tags=["agents"],
    )
    def get(self, request: Request) -> Response:
        context = self.context()
        found = self.agents() if context["may_manage"] else self.agents().filter(is_active=True)
        results = AgentSerializer(found, many=True, context=context).data
        return Response(
            {"agents": [agent["agent_name"] for agent in results], "count": len(results), "results": results}
        )


class AgentView(AgentsView):
    @extend_schema(
        operation_id="agents_retrieve",
        summary="One agent",
        responses={200: AgentSerializer, **errors(401, 403, 404)},
        examples=[AN_AGENT],
        tags=["agents"],
    )
    def get(self, request: Request, agent_name: str) -> Response:
        return Response(AgentSerializer(self.find(agent_name), context=self.context()).data)

    @extend_schema(
        operation_id="agents_create",
        summary="Create an agent",
        description="Everything is optional. A name that is taken is refused with 409, never overwritten.",
        request=AgentSerializer,
        responses={201: AgentCreatedSerializer, **errors(400, 401, 403, 409, 413, 415)},
        examples=[
            A_CONFIG,
            OpenApiExample(
                "Created",
                value={"message": "Agent 'my_custom_agent' created.", "tools_count": 2, "agent": AGENT},
                response_only=True,
                status_codes=["201"],
            ),
        ],
        tags=["agents"],
    )
    def post(self, request: Request, agent_name: str) -> Response:
        _check_name(agent_name)
        serializer = AgentSerializer(data=request.data, context=self.context())
        serializer.is_valid(raise_exception=True)
        try:
            with transaction.atomic():
                agent = serializer.save(slug=agent_name)
                tell(request, agent, "created")
        except IntegrityError:
            raise _conflict(f"There is an agent named {agent_name!r} already: PUT or PATCH changes it.") from None
        told = AgentSerializer(agent, context=self.context()).data
        message = f"Agent {agent_name!r} created."
        return Response({"message": message, "tools_count": len(told["tools"]), "agent": told}, status=201)

    @extend_schema(
        operation_id="agents_replace",
        summary="Replace an agent's configuration",
        description="What is left out goes back to its default.",
        request=AgentSerializer,
        responses={200: AgentSerializer, **errors(400, 401, 403, 404, 413, 415)},
        examples=[A_CONFIG, AN_AGENT],
        tags=["agents"],
    )
    def put(self, request: Request, agent_name: str) -> Response:
        agent = self.find(agent_name)
        fresh = AgentSerializer(agent, data={**_defaults(agent), **_object(request.data)}, context=self.context())
        return self._saved(fresh)

    @extend_schema(
        operation_id="agents_update",
        summary="Change an agent",
        request=AgentSerializer,
        responses={200: AgentSerializer, **errors(400, 401, 403, 404, 413, 415)},
        examples=[OpenApiExample("Another model", value={"model": "gpt-4.1-mini"}, request_only=True), AN_AGENT],
        tags=["agents"],
    )
    def patch(self, request: Request, agent_name: str) -> Response:
        return self._saved(
            AgentSerializer(self.find(agent_name), data=request.data, partial=True, context=self.context())
        )

    @extend_schema(
        operation_id="agents_destroy",
        summary="Delete an agent",
        description="Its conversations stay. The agent `default` cannot be deleted, only switched off.",
        responses={204: None, **errors(401, 403, 404, 409)},
        tags=["agents"],
    )
    def delete(self, request: Request, agent_name: str) -> Response:
        agent = self.find(agent_name)
        if agent.is_default:
            raise _conflict("The default agent cannot be deleted: set is_active to false to switch it off.")
        with transaction.atomic():
            tell(request, agent, "deleted")
            agent.delete()
        return Response(status=204)

    def _saved(self, serializer: AgentSerializer) -> Response:
        agent: Any = serializer.instance
        before = serializer.to_representation(agent)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            after = serializer.to_representation(serializer.save())
            fields = [name for name in after if after[name] != before[name] and name != "updated_at"]
            if fields:
                tell(self.request, agent, "changed", fields)
        return Response(after)


def _check_name(agent_name: str) -> None:
    try:
        validate_slug(agent_name)
    except ValidationError:
        raise Refused(ErrorCode.INVALID_REQUEST, f"The agent's name cannot be used. {validate_slug.message}") from None
    if len(agent_name) > SLUG_LENGTH:
        raise Refused(ErrorCode.INVALID_REQUEST, f"An agent's name has at most {SLUG_LENGTH} characters.")


def _conflict(message: str) -> Refused:
    return Refused(ErrorCode.INVALID_REQUEST, message, status=409)


def _defaults(agent: Agent) -> dict[str, Any]:
    """What the agent would have if it were new, for the fields that clients may set."""
    plain = AgentSerializer(Agent(), context={"may_manage": True}).fields
    fresh = Agent(allow_instructions=agent.is_default)
    writable = [name for name, field in plain.items() if not field.read_only and name != "tools"]
    return {name: getattr(fresh, name) for name in writable} | {"tools": [tool.name for tool in builtin_tools()]}


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise serializers.ValidationError("The body is a JSON object.")
    return data
