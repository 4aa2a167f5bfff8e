"""Conversations, runs and API keys in the admin. What happened is read here, never changed."""

from itertools import islice
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chat.audit import Action, record
from chat.audit.admin import AuditAdmin
from chat.budget_admin import BudgetAdmin, SpendingAdmin
from chat.journal.reading import stored_entries
from chat.looks import LooksAreRecorded, ReadOnly
from chat.models import ApiKey, Conversation, Message, Run, ToolCall
from chat.sign_in import AdminSignInForm, refusing_with_429
from chat.states import in_colour
from chat.tool_call_admin import ToolCallAdmin, ToolCallInline
from tools.changes import TellsChanges, tell

__all__ = ["AuditAdmin", "BudgetAdmin", "SpendingAdmin", "ToolCallAdmin"]  # registered by their modules
EVENTS_SHOWN = 500
admin.site.site_header = admin.site.site_title = "Streaming Chat"
admin.site.index_title = "Agents, tools and conversations"
admin.site.login_form = AdminSignInForm
admin.site.login = refusing_with_429(admin.site.login)  # type: ignore[method-assign,assignment]


def seconds(run: Run) -> str:
    return "-" if run.duration_ms is None else f"{run.duration_ms / 1000:.1f} s"


class MessageInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Message
    fields = readonly_fields = ("created_at", "role", "content")
    show_change_link = False
    verbose_name_plural = "messages"


class RunInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Run
    fields = readonly_fields = ("created_at", "agent_name", "model", "state", "duration")
    show_change_link = True

    @admin.display(description="status")
    def state(self, run: Run) -> SafeString:
        return in_colour(run)

    @admin.display(description="time")
    def duration(self, run: Run) -> str:
        return seconds(run)


@admin.register(Conversation)
class ConversationAdmin(ReadOnly, LooksAreRecorded):
    look, owner_field = Action.CONVERSATION_VIEWED, "owner_id"
    list_display = ["__str__", "owner", "agent_name", "updated_at"]
    list_filter = ["agent_name", "updated_at"]
    list_select_related = ["owner"]
    search_fields = ["title", "owner__username"]
    fields = ["id", "title", "owner", "agent_name", "is_current", "created_at", "updated_at"]
    inlines = [MessageInline, RunInline]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(admin.ModelAdmin.has_delete_permission(self, request, obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its runs go with it, though nobody may delete a run by itself."""
        deleted, counts, _, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """In the audit log alone: Django's own would keep the titles, which are people's words."""
        for conversation in queryset:
            tell(request, conversation, "deleted")


@admin.register(Run)
class RunAdmin(ReadOnly, LooksAreRecorded):
    look, owner_field = Action.RUN_VIEWED, "caller_id"
    list_display = ["created_at", "about", "state", "caller", "agent_name", "model", "duration"]
    list_filter = ["status", "error_code", "agent_name", "created_at"]
    list_select_related = ["caller", "conversation"]
    search_fields = ["id", "caller__username", "conversation__title"]
    inlines = [ToolCallInline]
    fieldsets = [
        (None, {"fields": ["id", "state", "created_at", "caller", "conversation", "agent_name", "model"]}),
        ("Outcome", {"fields": ["finish_reason", "error_code", "error_message", "question_text", "answer_text"]}),
        ("Cost", {"fields": ["input_tokens", "output_tokens", "usage_estimated", "first_token_ms", "duration_ms"]}),
        ("Process", {"fields": ["owner", "epoch", "attempt", "lease_until", "cancel_requested_at"]}),
        ("Events", {"fields": ["event_list"]}),
    ]
    readonly_fields = ["state", "question_text", "answer_text", "event_list"]

    @admin.display(description="status", ordering="status")
    def state(self, run: Run) -> SafeString:
        return in_colour(run)

    @admin.display(description="conversation", ordering="conversation__title")
    def about(self, run: Run) -> str:
        return str(run.conversation)

    @admin.display(description="time", ordering="duration_ms")
    def duration(self, run: Run) -> str:
        return seconds(run)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        undecided = ToolCall.objects.undecided().count() if request.user.has_perm("chat.view_toolcall") else 0
        return super().changelist_view(request, {**(extra_context or {}), "undecided": undecided})

    @admin.display(description="message")
    def question_text(self, run: Run) -> str:
        return run.question.content

    @admin.display(description="answer")
    def answer_text(self, run: Run) -> str:
        return run.answer.content

    @admin.display(description="events")
    def event_list(self, run: Run) -> SafeString:
        lines = format_html_join("", "<tr><td>{}</td><td>{}</td><td><code>{}</code></td></tr>", (
            (entry.seq, entry.event_type, entry.body.decode()[:2000])
            for entry in islice(stored_entries(run.pk), EVENTS_SHOWN)
        ))  # fmt: skip
        last = run.last_seq()
        note = f"The first {EVENTS_SHOWN} of {last}." if last > EVENTS_SHOWN else ""
        return format_html('<table class="events"><tbody>{}</tbody></table><p>{}</p>', lines, note)


@admin.register(ApiKey)
class ApiKeyAdmin(TellsChanges):
    """Keys are made with `manage.py create_api_key`, where they can be shown once."""

    list_display = ["prefix", "user", "scope_list", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = ["revoked_at", "expires_at"]
    list_select_related = ["user"]
    search_fields = ["prefix", "user__username"]
    fields = ["prefix", "user", "scope_list", "created_at", "expires_at", "last_used_at", "revoked_at"]
    readonly_fields = ["prefix", "user", "scope_list", "created_at", "last_used_at", "revoked_at"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="scopes")
    def scope_list(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        usable = keys.filter(revoked_at=None).in_bulk()
        with transaction.atomic():
            for key in usable.values():
                record(Action.API_KEY_REVOKED, by=request, of=key, owner_id=key.user_id)
            ApiKey.objects.filter(pk__in=usable).update(revoked_at=timezone.now())
        self.message_user(request, f"{len(usable)} keys revoked.", messages.SUCCESS)


admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(TellsChanges, UserAdmin):  # type: ignore[type-arg]
    """Django's own, with each change in the audit log: rights are given here.

    Users are deleted with `manage.py delete_user`, which stops their runs first and leaves nothing of theirs.
    """

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Group)
class RightsAdmin(TellsChanges, GroupAdmin):
    """As above."""
