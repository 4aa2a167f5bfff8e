"""`/conversations/…`: the caller's own."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from chat.api.async_view import AsyncAPIView
from chat.api.authentication import caller_of
from chat.api.examples import CONVERSATION, CONVERSATIONS, MESSAGES, NEW_TITLE
from chat.api.pagination import CursorPages
from chat.api.schema import errors
from chat.api.serializers import ConversationChangeSerializer, ConversationSerializer, MessageSerializer
from chat.database import in_database
from chat.exceptions import not_found
from chat.ids import parse_id
from chat.models import Conversation, Message, Run
from chat.models.conversation import ConversationQuerySet
from chat.runs import current_runs

MAX_SEARCH = 200


class ConversationPages(CursorPages):
    ordering = ("-updated_at", "-id")


class MessagePages(CursorPages):
    """From the first message to the last."""

    page_size = 100
    ordering = ("id",)


def own_conversations(request: Request) -> ConversationQuerySet:
    active = Prefetch("runs", queryset=Run.objects.active())
    return Conversation.objects.owned_by(caller_of(request).user_id).prefetch_related(active)


def own_conversation(user_id: int, conversation_id: str) -> Conversation:
    """Raises Refused: the same for an unknown conversation and for somebody else's."""
    parsed = parse_id(conversation_id)
    found = Conversation.objects.owned_by(user_id).filter(pk=parsed).first() if parsed else None
    if found is None:
        raise not_found("conversation")
    return found


@extend_schema_view(
    get=extend_schema(
        operation_id="conversations_list",
        summary="Your conversations, the latest first",
        parameters=[OpenApiParameter("search", str, description="Only those whose title or messages hold this text.")],
        responses={200: ConversationSerializer(many=True), **errors(400, 401, 403)},
        examples=[CONVERSATIONS],
        tags=["conversations"],
    )
)
class ConversationListView(generics.ListAPIView[Conversation]):
    serializer_class = ConversationSerializer
    pagination_class = ConversationPages

    def get_queryset(self) -> QuerySet[Conversation]:
        found = own_conversations(self.request)
        text = self.request.query_params.get("search", "").strip().replace("\x00", "")[:MAX_SEARCH]
        return found.search(text) if text else found


class ConversationView(AsyncAPIView):
    @extend_schema(
        operation_id="conversations_retrieve",
        summary="One conversation",
        responses={200: ConversationSerializer, **errors(401, 403, 404)},
        examples=[CONVERSATION],
        tags=["conversations"],
    )
    async def get(self, request: Request, conversation_id: str) -> Response:
        return Response(await in_database(self._told, conversation_id))

    @extend_schema(
        operation_id="conversations_update",
        summary="Rename a conversation",
        request=ConversationChangeSerializer,
        responses={200: ConversationSerializer, **errors(400, 401, 403, 404, 413, 415)},
        examples=[NEW_TITLE, CONVERSATION],
        tags=["conversations"],
    )
    async def patch(self, request: Request, conversation_id: str) -> Response:
        change = ConversationChangeSerializer(data=request.data)
        change.is_valid(raise_exception=True)

        def rename() -> dict[str, Any]:
            conversation = own_conversation(self.caller.user_id, conversation_id)
            Conversation.objects.filter(pk=conversation.pk).update(**change.validated_data)
            return self._told(conversation_id)

        return Response(await current_runs().write(rename))

    @extend_schema(
        operation_id="conversations_destroy",
        summary="Delete a conversation with all that belongs to it",
        description="A run that is active in it is stopped first.",
        responses={204: None, **errors(401, 403, 404)},
        tags=["conversations"],
    )
    async def delete(self, request: Request, conversation_id: str) -> Response:
        conversation = await in_database(own_conversation, self.caller.user_id, conversation_id)
        active = await in_database(conversation.active_run)
        if active is not None:
            await current_runs().cancel(active.pk)
        await current_runs().write(conversation.delete)
        return Response(status=204)

    def _told(self, conversation_id: str) -> dict[str, Any]:
        return ConversationSerializer(own_conversation(self.caller.user_id, conversation_id)).data


@extend_schema_view(
    get=extend_schema(
        operation_id="conversations_messages",
        summary="A conversation's messages, the first one first",
        responses={200: MessageSerializer(many=True), **errors(400, 401, 403, 404)},
        examples=[MESSAGES],
        tags=["conversations"],
    )
)
class MessageListView(generics.ListAPIView[Message]):
    serializer_class = MessageSerializer
    pagination_class = MessagePages

    def get_queryset(self) -> QuerySet[Message]:
        if getattr(self, "swagger_fake_view", False):
            return Message.objects.none()
        conversation = own_conversation(caller_of(self.request).user_id, self.kwargs["conversation_id"])
        runs = Run.objects.with_last_seq().prefetch_related("tool_calls")
        return conversation.messages.prefetch_related(Prefetch("run", queryset=runs))
