"""Managing tools: what the code says is shown, what an admin decides is edited."""

import json

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import truncatechars
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tools.changes import TellsChanges
from tools.models import Tool


@admin.register(Tool)
class ToolAdmin(TellsChanges):
    list_display = ["name", "summary", "enabled", "available", "replay", "timeout"]
    list_editable = ["enabled"]
    list_filter = ["enabled", "available", "replay", "requires_approval"]
    search_fields = ["name", "description"]
    readonly_fields = ["name", "description", "schema", "available", "created_at", "updated_at"]
    fieldsets = [
        (None, {"fields": ["name", "enabled", "available", "description"]}),
        (
            "Rules",
            {
                "fields": ["timeout", "requires_approval", "replay"],
                "description": "Left empty, the rules are those of the code. What you set here survives every update.",
            },
        ),
        ("From the code", {"fields": ["schema", "created_at", "updated_at"]}),
    ]

    @admin.display(description="description")
    def summary(self, tool: Tool) -> str:
        """The first line of the description."""
        return truncatechars(tool.description.partition("\n")[0], 100)

    @admin.display(description="parameters (JSON Schema)")
    def schema(self, tool: Tool) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(tool.parameters, indent=2, ensure_ascii=False))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tools come from the code alone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Tool | None = None) -> bool:
        """A tool of the code would come back at the next migration; what the code no longer has may go."""
        return obj is not None and not obj.available and super().has_delete_permission(request, obj)
