"""Conversations and their messages."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from agents.models import SLUG_LENGTH, Agent
from chat.ids import new_id

if TYPE_CHECKING:
    from chat.models.run import Run

TITLE_LENGTH = 200
AUTO_TITLE_LENGTH = 60


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def owned_by(self, user_id: int) -> "ConversationQuerySet":
        return self.filter(owner_id=user_id)

    def search(self, text: str) -> "ConversationQuerySet":
        """Conversations whose title or messages hold the text, whatever its case."""
        found = Message.objects.filter(content__icontains=text).values("conversation_id")
        return self.filter(Q(title__icontains=text) | Q(pk__in=found))

    def lock(self) -> None:
        """Hold the rows until the transaction ends: whoever begins a run in one waits, and is waited for.

        They are taken in the order in which a group of starts takes them, of one owner after the other.
        """
        rows = self.model._default_manager.filter(pk__in=self.order_by().values("pk"))  # no row of a joined table
        list(rows.order_by("owner_id", "pk").select_for_update().values_list("pk"))

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete all that belongs to them; what a start has just stored in one goes too."""
        with transaction.atomic():
            self.lock()
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Conversation(models.Model):
    """One thread of messages between a person and an agent. `head` is the last message of the branch in use."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The index of owners and times below begins with the owner: another one would only cost writes.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations", db_index=False
    )
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="conversations")
    agent_name = models.CharField(max_length=SLUG_LENGTH)
    title = models.CharField(max_length=TITLE_LENGTH, blank=True)
    is_current = models.BooleanField(default=False)
    head = models.ForeignKey("Message", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[ConversationQuerySet] = ConversationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-updated_at", "-id"]
        indexes = [models.Index(fields=["owner", "-updated_at", "-id"])]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "agent_name"], condition=Q(is_current=True), name="one_current_conversation"
            )
        ]

    def __str__(self) -> str:
        return self.title or "New conversation"

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """As of many: see above."""
        with transaction.atomic():
            type(self).objects.filter(pk=self.pk).lock()
            return super().delete(*args, **options)

    def active_run(self) -> "Run | None":
        return self.runs.active().first()


class Message(models.Model):
    """A message of a person, or an agent's whole answer to one. Siblings (same `parent`) are variants.

    `content` is the text that people see. `turns` holds the answer as the model wrote it: what a later request sends
    back to the model. It is a list of chat.history.StoredTurn, which leaves out the text that `content` holds.
    """

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="children")
    role = models.CharField(max_length=9, choices=Role.choices)
    content = models.TextField(blank=True)
    turns = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.role}: {self.content[:60]}"


def title_of(text: str) -> str:
    """A name for a conversation that begins with this message, cut at a word."""
    line = " ".join(text.split())
    return line if len(line) <= AUTO_TITLE_LENGTH else line[:AUTO_TITLE_LENGTH].rsplit(" ", 1)[0] + "…"
