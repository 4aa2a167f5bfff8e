"""What the audit log hears of: signing in and out, and changes of rows."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model
from django.dispatch import receiver
from django.http import HttpRequest

from chat.audit.record import kind_of, record
from chat.models.audit import Action
from tools.changes import What, changed


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: Any, **_: Any) -> None:
    record(Action.SIGNED_IN, by=request, of=user)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None:
        record(Action.SIGNED_OUT, by=request, of=user)


@receiver(user_login_failed)
def sign_in_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Which account was tried. A name that nobody has may be somebody's password in the wrong field: it is not kept."""
    name = str(credentials.get("username", ""))
    known = get_user_model().objects.filter(username=name).first() if "\x00" not in name else None
    record(Action.SIGN_IN_FAILED, by=request, of=known)


@receiver(changed)
def row_changed(request: Any, row: Model, what: What, fields: list[str], **_: Any) -> None:
    details = {"fields": fields} if fields else {}
    record(Action(f"{kind_of(row)}_{what}"), by=request, of=row, **details)
