"""Tickets: what a browser of another origin shows instead of a header, which it cannot put on a WebSocket."""

import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from chat.models.access import SECRET_BYTES, digest

LIFETIME = timedelta(seconds=30)


class SocketTicketQuerySet(models.QuerySet["SocketTicket"]):
    def issue(self, *, user_id: int, scopes: list[str], via: str, credential: str) -> tuple[str, datetime]:
        """Make a ticket; its text, which is known only now, and when it ends. Those that have ended are removed."""
        now = timezone.now()
        self.filter(expires_at__lte=now).delete()
        text, expires_at = secrets.token_urlsafe(SECRET_BYTES), now + LIFETIME
        self.create(
            digest=digest(text), user_id=user_id, scopes=scopes, via=via, credential=credential, expires_at=expires_at
        )
        return text, expires_at

    def redeem(self, text: str) -> "SocketTicket | None":
        """The ticket with this text, once: of all who ask at the same time, whoever deletes its row has it."""
        found = self.select_related("user").filter(digest=digest(text), expires_at__gt=timezone.now()).first()
        return found if found and self.filter(digest=found.digest).delete()[0] else None


class SocketTicket(models.Model):
    """The right to open one socket as the caller who asked for it, as long as that caller's credential holds."""

    digest = models.CharField(primary_key=True, max_length=64, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    scopes = models.JSONField()
    via = models.CharField(max_length=16)
    credential = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[SocketTicketQuerySet] = SocketTicketQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"a ticket of {self.user}"
