"""Agents in the admin."""

from django.conf import settings
from django.contrib import admin
from django.forms import Select
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from agents.models import Agent
from agents.providers import is_demo
from tools.changes import TellsChanges


@admin.register(Agent)
class AgentAdmin(TellsChanges):
    list_display = ["slug", "name", "model_in_use", "tool_count", "is_active", "try_it"]
    list_filter = ["is_active", "provider"]
    search_fields = ["slug", "name", "description"]
    filter_horizontal = ["tools"]
    readonly_fields = ["try_it", "created_at", "updated_at"]
    save_on_top = True
    fieldsets = [
        (None, {"fields": ["slug", "name", "description", "is_active", "try_it"]}),
        (
            "Model",
            {"fields": ["instructions", "allow_instructions", "provider", "model", "model_settings", "max_rounds"]},
        ),
        ("Tools", {"fields": ["tools", "max_parallel_tools", "tool_call_timeout"]}),
        ("Dates", {"fields": ["created_at", "updated_at"], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest):  # type: ignore[no-untyped-def]
        return super().get_queryset(request).prefetch_related("tools")

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> list[str]:
        fixed = ["slug"] if obj is not None and obj.is_default else []  # requests that name no agent ask for this one
        return [*self.readonly_fields, *fixed]

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj is not None and obj.is_default)

    def formfield_for_dbfield(self, db_field, request, **kwargs):  # type: ignore[no-untyped-def]
        if db_field.name == "provider":
            names = [(name, f"{name} (demo model)" if is_demo(name) else name) for name in settings.MODEL_PROVIDERS]
            kwargs["widget"] = Select(choices=names)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="model")
    def model_in_use(self, agent: Agent) -> str:
        return agent.effective_model

    @admin.display(description="tools")
    def tool_count(self, agent: Agent) -> int:
        return len(agent.tools.all())

    @admin.display(description="try it")
    def try_it(self, agent: Agent) -> str:
        if not agent.slug:
            return "Save the agent first."
        return format_html('<a href="{}?agent={}">Chat with {}</a>', reverse("page"), agent.slug, agent.name)
