"""API keys: credentials for programs."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

PREFIX_LENGTH = 8
SECRET_BYTES = 32
USED_RESOLUTION = timedelta(minutes=1)


class Scope(models.TextChoices):
    CHAT = "chat", "Converse: one's own conversations and runs"
    AGENTS = "agents", "Manage agents and tools"


def digest(secret: str) -> str:
    """The SHA-256 of a key's secret. The secret has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> "ApiKeyQuerySet":
        """Keys that open something, with their users: see ApiKey.is_usable."""
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now())
        return self.select_related("user").filter(unexpired, revoked_at=None, user__is_active=True)

    def issue(self, user_id: int, *, scopes: list[str], expires_at: datetime | None = None) -> tuple["ApiKey", str]:
        """Make a key; the text is known only now."""
        prefix, secret = secrets.token_hex(PREFIX_LENGTH // 2), secrets.token_urlsafe(SECRET_BYTES)
        key = self.create(user_id=user_id, prefix=prefix, digest=digest(secret), scopes=scopes, expires_at=expires_at)
        return key, f"{prefix}.{secret}"

    def find(self, text: str) -> "ApiKey | None":
        """The usable key with this text: not revoked, not expired, of an active user."""
        prefix, dot, secret = text.partition(".")
        if not (dot and prefix and secret and text.isascii()):
            return None
        key = self.select_related("user").filter(prefix=prefix).first()
        matches = secrets.compare_digest(key.digest if key else digest(""), digest(secret))
        return key if key and matches and key.is_usable else None


class ApiKey(models.Model):
    """A key of one user. Only the hash of its secret is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    prefix = models.CharField(max_length=PREFIX_LENGTH, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[ApiKeyQuerySet] = ApiKeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"

    @property
    def is_usable(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired and self.user.is_active

    def mark_used(self) -> None:
        """Note the use, at most once a minute: a row is not written for each request."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at >= USED_RESOLUTION:
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)
