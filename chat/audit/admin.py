"""The audit log in the admin: it is searched, filtered and exported, by nobody written."""

import json

from django.contrib import admin
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.audit.export import Format, stream
from chat.audit.record import record
from chat.looks import ReadOnly
from chat.models import AuditEntry
from chat.models.audit import Action, AuditQuerySet

TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


@admin.register(AuditEntry)
class AuditAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["at", "action", "who", "via", "object_kind", "object_id", "peer", "request_id"]
    list_filter = ["action", "via", "object_kind", "at"]
    search_fields = ["actor", "object_id", "request_id", "key_prefix", "peer"]
    date_hierarchy = "at"
    fields = ["at", "action", "actor", "user_id", "via", "key_prefix", "object_kind", "object_id", "shown_details",
              "request_id", "peer", "forwarded_for"]  # fmt: skip
    readonly_fields = ["shown_details"]
    actions = ["export_csv", "export_json_lines"]

    @admin.display(description="who", ordering="actor")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor or "–"

    @admin.display(description="details")
    def shown_details(self, entry: AuditEntry) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(entry.details, indent=2, ensure_ascii=False))

    @admin.action(description="Export the selected entries as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, entries: AuditQuerySet) -> StreamingHttpResponse:
        return _exported(request, entries, "csv")

    @admin.action(description="Export the selected entries as JSON lines", permissions=["view"])
    def export_json_lines(self, request: HttpRequest, entries: AuditQuerySet) -> StreamingHttpResponse:
        return _exported(request, entries, "jsonl")


def _exported(request: HttpRequest, entries: AuditQuerySet, kind: Format) -> StreamingHttpResponse:
    record(Action.AUDIT_EXPORTED, by=request, format=kind, entries=entries.count())
    headers = {"Content-Disposition": f'attachment; filename="audit.{kind}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(stream(entries, kind), content_type=TYPES[kind], headers=headers)
