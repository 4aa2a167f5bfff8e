"""The audit log: who did what, with which credentials, from where. Rows are added, and never changed or deleted."""

from datetime import datetime
from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone

from chat.exceptions import AppendOnly

FORGOTTEN = "(deleted)"
CUT = 200  # characters of a text in the details
Detail = str | int | float | bool | list[str] | None


class Action(models.TextChoices):
    """Everything that the log knows. What happens to a kind of object is named `{kind}_{what}`."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_BLOCKED = "sign_in_blocked"
    SIGNED_OUT = "signed_out"
    API_KEY_CREATED = "api_key_created"
    API_KEY_CHANGED = "api_key_changed"
    API_KEY_REVOKED = "api_key_revoked"
    API_KEY_DELETED = "api_key_deleted"
    TOOL_CALL_DECIDED = "tool_call_decided"
    AGENT_CREATED = "agent_created"
    AGENT_CHANGED = "agent_changed"
    AGENT_DELETED = "agent_deleted"
    TOOL_CHANGED = "tool_changed"
    TOOL_DELETED = "tool_deleted"
    USER_CREATED = "user_created"
    USER_CHANGED = "user_changed"
    USER_DELETED = "user_deleted"
    USER_EXPORTED = "user_exported"
    GROUP_CREATED = "group_created"
    GROUP_CHANGED = "group_changed"
    GROUP_DELETED = "group_deleted"
    BUDGET_CREATED = "budget_created"
    BUDGET_CHANGED = "budget_changed"
    BUDGET_DELETED = "budget_deleted"
    CONVERSATION_VIEWED = "conversation_viewed"
    CONVERSATION_DELETED = "conversation_deleted"
    RUN_VIEWED = "run_viewed"
    AUDIT_EXPORTED = "audit_exported"


class Via(models.TextChoices):
    """How somebody has shown who they are."""

    KEY = "key"
    SESSION = "session"
    LOCAL = "local"
    COMMAND = "command"
    NOTHING = "nothing"


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Entries can be read and added. The one change: whoever is deleted is forgotten by name."""

    def about(self, user_id: int) -> "AuditQuerySet":
        """What this user did, and what was done to their account."""
        return self.filter(models.Q(user_id=user_id) | models.Q(object_kind="user", object_id=str(user_id)))

    def since(self, moment: datetime) -> "AuditQuerySet":
        return self.filter(at__gte=moment)

    def anonymise(self, user_id: int) -> int:
        """Take name and addresses from what this user did. The entries, and that they belong together, stay.

        Failed sign-ins to the account lose their addresses too: most are from where the user is.
        """
        mine = self.filter(user_id=user_id)
        failed = self.filter(action=Action.SIGN_IN_FAILED, user_id=None, object_kind="user", object_id=str(user_id))
        count = models.QuerySet.update(mine, actor=FORGOTTEN, peer="", forwarded_for="")
        return count + models.QuerySet.update(failed, peer="", forwarded_for="")

    def update(self, **fields: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly

    def bulk_update(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly


class AuditEntry(models.Model):
    """One thing that somebody did. `user_id` is no foreign key: entries outlive the account.

    `details` holds names of fields and counts, never a secret and never what people write.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    action = models.CharField(max_length=24, choices=Action.choices)
    actor = models.CharField(max_length=150, blank=True, help_text="The user's name then. Empty: nobody known.")
    user_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    via = models.CharField(max_length=8, choices=Via.choices, default=Via.COMMAND)
    key_prefix = models.CharField(max_length=32, blank=True)
    object_kind = models.CharField(max_length=32, blank=True)
    object_id = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    peer = models.CharField(max_length=64, blank=True, help_text="The address that the connection came from.")
    forwarded_for = models.CharField(max_length=CUT, blank=True, help_text="What a proxy says; nobody checks it.")

    objects: ClassVar[AuditQuerySet] = AuditQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-id"]
        default_permissions = ("view",)
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor or 'somebody'} {self.action}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly

    def as_dict(self) -> dict[str, Any]:
        """The entry as exports tell it, in the order of its columns."""
        return {field.name: getattr(self, field.name) for field in self._meta.concrete_fields}
