from django.urls import path

from agents.api.views import AgentListView, AgentView

urlpatterns = [
    path("agents", AgentListView.as_view(), name="agents"),
    path("agents/<str:agent_name>", AgentView.as_view(), name="agent"),
]
