"""Tool calls in the admin: they are looked at, and what a crash has left open is decided."""

import json
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.audit import Action
from chat.decisions import decide
from chat.exceptions import Refused
from chat.looks import LooksAreRecorded, ReadOnly
from chat.models import ToolCall
from chat.models.tool_call import ToolCallQuerySet

Decision = ToolCall.Decision


def pretty(value: Any) -> SafeString:
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


class ToolCallInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = ToolCall
    show_change_link = True
    fields = readonly_fields = ("name", "status", "shown_arguments", "shown_outcome", "execution_time_ms", "decision")

    @admin.display(description="arguments")
    def shown_arguments(self, call: ToolCall) -> SafeString:
        return pretty(call.arguments)

    @admin.display(description="outcome")
    def shown_outcome(self, call: ToolCall) -> SafeString:
        return pretty(call.error or call.result)


@admin.register(ToolCall)
class ToolCallAdmin(ReadOnly, LooksAreRecorded):
    look, owner_field = Action.RUN_VIEWED, "caller_id"
    list_display = ["__str__", "run", "started_at", "decision", "decided_by", "decided_at"]
    list_filter = ["status", "decision", "started_at"]
    list_select_related = ["run", "decided_by"]
    search_fields = ["run__id", "name", "arguments"]
    fieldsets = [
        (None, {"fields": ["name", "status", "run", "call_id", "shown_arguments"]}),
        ("Outcome", {"fields": ["shown_result", "error", "content", "started_at", "finished_at", "execution_time_ms"]}),
        ("Decision", {"fields": ["decision", "decided_by", "decided_at", "lease_until"]}),
    ]
    readonly_fields = ["shown_arguments", "shown_result"]
    actions = ["happened", "not_happened", "run_again"]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Nobody edits a call; whoever has the right to may decide about one."""
        return request.user.has_perm("chat.change_toolcall")

    @admin.display(description="arguments")
    def shown_arguments(self, call: ToolCall) -> SafeString:
        return pretty(call.arguments)

    @admin.display(description="result")
    def shown_result(self, call: ToolCall) -> SafeString:
        return pretty(call.result)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        call = context["original"]
        if self.has_decide_permission(request) and ToolCall.objects.undecided().filter(pk=call.pk).exists():
            context["decisions"] = Decision.choices
        return super().render_change_form(request, context, *args, **options)

    @admin.action(description="Selected calls: it happened", permissions=["decide"])
    def happened(self, request: HttpRequest, calls: ToolCallQuerySet) -> HttpResponse | None:
        return self._decide(request, calls, Decision.HAPPENED)

    @admin.action(description="Selected calls: it did not happen", permissions=["decide"])
    def not_happened(self, request: HttpRequest, calls: ToolCallQuerySet) -> HttpResponse | None:
        return self._decide(request, calls, Decision.NOT_HAPPENED)

    @admin.action(description="Selected calls: run again", permissions=["decide"])
    def run_again(self, request: HttpRequest, calls: ToolCallQuerySet) -> HttpResponse | None:
        return self._decide(request, calls, Decision.RUN_AGAIN)

    def _decide(self, request: HttpRequest, calls: ToolCallQuerySet, decision: Decision) -> HttpResponse | None:
        """Ask whether it is meant, then decide."""
        if request.POST.get("confirmed") != "yes":
            return self._confirmation(request, calls, decision)
        decided = 0
        for call in calls.select_related("run"):
            try:
                with transaction.atomic():
                    decide(call, decision, cast(int, request.user.pk), by=request)  # who is here has signed in
                decided += 1
            except Refused as refused:
                self.message_user(request, f"{call.name} ({call.call_id}): {refused.message}", messages.ERROR)
        if decided:
            self.message_user(request, f"{decided} decided: {decision.label}.", messages.SUCCESS)
        return None

    def _confirmation(self, request: HttpRequest, calls: ToolCallQuerySet, decision: Decision) -> HttpResponse | None:
        undecided = list(calls.undecided().select_related("run"))
        if not undecided:
            self.message_user(request, "None of these calls waits for a decision.", messages.WARNING)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": f"{decision.label}?",
            "opts": self.opts,
            "calls": [(call, json.dumps(call.arguments, ensure_ascii=False)) for call in undecided],
            "decision": decision,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/chat/toolcall/decide.html", context)

    def _looked(self, request: HttpRequest, row: ToolCall) -> None:
        super()._looked(request, row.run)  # a call belongs to whom its run belongs to
