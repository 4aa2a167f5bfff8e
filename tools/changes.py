"""Tells those who keep a record that a row was made, changed or deleted, by whom, and which of its fields."""

from typing import Any, Literal

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.dispatch import Signal
from django.http import HttpRequest

What = Literal["created", "changed", "deleted"]
changed = Signal()  # sent with request, row, what and fields (names, never values), in the transaction of the change


def tell(request: Any, row: Model, what: What, fields: list[str] | None = None) -> None:
    """Send the signal. Whoever listens may raise: then the change does not happen either."""
    changed.send(sender=type(row), request=request, row=row, what=what, fields=fields or [])


class TellsChanges(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin class: every change that its pages, lists and actions make is told."""

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """Django's own, with the fields' names instead of their labels."""
        message: list[dict[str, Any]] = super().construct_change_message(request, form, formsets, add)
        for part in message:
            if "fields" in part.get("changed", {}) and "object" not in part["changed"]:
                part["changed"]["fields"] = list(form.changed_data)
        return message

    def log_addition(self, request: HttpRequest, object: Model, message: Any) -> Any:  # noqa: A002 - Django's name
        tell(request, object, "created")
        return super().log_addition(request, object, message)

    def log_change(self, request: HttpRequest, object: Model, message: Any) -> Any:  # noqa: A002 - Django's name
        tell(request, object, "changed", _fields(message))
        return super().log_change(request, object, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for row in queryset:
            tell(request, row, "deleted")
        return super().log_deletions(request, queryset)


def _fields(message: Any) -> list[str]:
    """The names in a change message; a text (such as of a new password) names none."""
    parts = message if isinstance(message, list) else []
    return [name for part in parts for name in part.get("changed", {}).get("fields", [])]
