from django.urls import path

from chat.api.chat import ChatStreamView, ChatView
from chat.api.conversations import ConversationListView, ConversationView, MessageListView
from chat.api.decisions import DecisionView
from chat.api.docs import ReferenceView, SchemaView, SwaggerView
from chat.api.health import HealthView, LiveView, ReadyView
from chat.api.runs import RunCancelView, RunEventsView, RunView
from chat.api.socket import SocketView
from chat.api.tickets import TicketView
from chat.api.usage import UsageView

urlpatterns = [
    path("chat/stream", ChatStreamView.as_view(), name="chat-stream"),
    path("chat", ChatView.as_view(), name="chat"),
    path("runs/<str:run_id>", RunView.as_view(), name="run"),
    path("runs/<str:run_id>/events", RunEventsView.as_view(), name="run-events"),
    path("runs/<str:run_id>/cancel", RunCancelView.as_view(), name="run-cancel"),
    # An id of a call is the provider's own text, which may hold a slash.
    path("runs/<str:run_id>/tool_calls/<path:call_id>/decision", DecisionView.as_view(), name="tool-call-decision"),
    path("conversations", ConversationListView.as_view(), name="conversations"),
    path("conversations/<str:conversation_id>", ConversationView.as_view(), name="conversation"),
    path("conversations/<str:conversation_id>/messages", MessageListView.as_view(), name="conversation-messages"),
    path("ws", SocketView.as_view(), name="ws"),
    path("ws/ticket", TicketView.as_view(), name="ws-ticket"),
    path("usage", UsageView.as_view(), name="usage"),
    path("health", HealthView.as_view(), name="health"),
    path("health/live", LiveView.as_view(), name="health-live"),
    path("health/ready", ReadyView.as_view(), name="health-ready"),
    path("openapi.json", SchemaView.as_view(), name="schema"),
    path("docs", SwaggerView.as_view(url_name="schema"), name="docs"),
    path("redoc", ReferenceView.as_view(url_name="schema"), name="redoc"),
]
