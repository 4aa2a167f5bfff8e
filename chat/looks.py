"""Admin classes of what has happened: it is looked at, not touched, and the audit log tells who has looked."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from chat.audit import Action, record


class ReadOnly:
    """Mixed into an admin class: look, but do not touch."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LooksAreRecorded(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin class of what people say: the audit log tells who has looked at somebody else's."""

    look: Action
    owner_field: str

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        self._looked(request, context["original"])
        return super().render_change_form(request, context, *args, **options)

    def render_delete_form(self, request: HttpRequest, context: Any) -> HttpResponse:
        self._looked(request, context["object"])  # it lists what goes with it: the messages
        return super().render_delete_form(request, context)

    def _looked(self, request: HttpRequest, row: Any) -> None:
        owner_id = getattr(row, self.owner_field)
        if owner_id != request.user.pk:
            record(self.look, by=request, of=row, owner_id=owner_id)
