"""Tool calls: what a run asked of a tool, what came of it, and what a person says of a call that a crash cut."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from chat.models.run import Run

LOST = "The server was lost while this tool ran. It may or may not have had its effect, and it was not run again."
LOST_AGAIN = (
    "The server was lost while this tool ran, and lost again while it ran once more at a person's word. Each time it "
    "may or may not have had its effect."
)
HAPPENED = (
    "The server was lost while this tool ran. A person has confirmed since that it had its effect. "
    "Its result is not known."
)
NOT_HAPPENED = "The server was lost while this tool ran. A person has confirmed since that it had no effect."
RUNS_AGAIN = (
    "The server was lost while this tool ran. A person has asked since for it to run again. "
    "It has not finished yet, so its outcome is not known."
)


class ToolCallQuerySet(models.QuerySet["ToolCall"]):
    def undecided(self) -> "ToolCallQuerySet":
        """Calls of ended runs that wait for a person to say what has happened."""
        ended = Run.objects.exclude(status__in=Run.Status.active()).values("pk")
        return self.filter(status=ToolCall.Status.OUTCOME_UNKNOWN, run_id__in=ended)

    def due(self) -> "ToolCallQuerySet":
        """Calls that are to run again, and those whose process has been silent for too long while it did that."""
        return self.filter(lease_until__lte=Now())

    def lose_track(self, *, why: str) -> int:
        """The outcome of these calls is not known; `why` is what the model and people read."""
        return self.update(
            status=ToolCall.Status.OUTCOME_UNKNOWN,
            error=why,
            content=why,
            finished_at=timezone.now(),
            lease_until=None,
            decision="",
            decided_by=None,
            decided_at=None,
        )


class ToolCall(models.Model):
    """One tool call of a run: the intent is stored before the tool starts, the result before the model sees it.

    `content` is what the model reads of the outcome; `result` and `error` are what clients see. `lease_until` is set
    while the call is to run again, or does: until then the process that runs it may be silent.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        AWAITING_APPROVAL = "awaiting_approval"
        EXECUTING = "executing"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"
        OUTCOME_UNKNOWN = "outcome_unknown"

    class Decision(models.TextChoices):
        """What a person says of a call whose outcome is unknown."""

        HAPPENED = "happened", "It happened"
        NOT_HAPPENED = "not_happened", "It did not"
        RUN_AGAIN = "run_again", "Run again"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tool_calls")
    call_id = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    status = models.CharField(max_length=17, choices=Status.choices, default=Status.EXECUTING)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    content = models.TextField(blank=True)
    execution_time_ms = models.PositiveIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # The database knows the default too: a process of the version before this field goes on inserting rows.
    decision = models.CharField(max_length=12, choices=Decision.choices, blank=True, default="", db_default="")
    # Without an index, which every call would pay for: people are seldom deleted.
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ToolCallQuerySet] = ToolCallQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(lease_until__isnull=False), name="tool_calls_by_lease"),
            models.Index(fields=["run"], condition=Q(status="outcome_unknown"), name="tool_calls_undecided"),
        ]
        constraints = [models.UniqueConstraint(fields=["run", "call_id"], name="one_row_per_tool_call")]

    def __str__(self) -> str:
        return f"{self.name} {self.status}"

    def decide(self, decision: "ToolCall.Decision", user_id: int) -> bool:
        """Say what has become of a call whose outcome is unknown. False when somebody else was faster.

        The status stands in the UPDATE itself, so of two people who decide at once one does. Refreshes this object.
        """
        unknown = type(self).objects.filter(pk=self.pk, status=self.Status.OUTCOME_UNKNOWN)
        decided = unknown.update(
            decision=decision, decided_by_id=user_id, decided_at=timezone.now(), **_consequences(decision)
        )
        self.refresh_from_db()
        return bool(decided)

    def begin_again(self, lease: timedelta) -> bool:
        """Take a call that is to run again for this process. False when another one was faster."""
        pending = type(self).objects.filter(pk=self.pk, status=self.Status.PENDING, decided_at=self.decided_at)
        return bool(pending.update(status=self.Status.EXECUTING, lease_until=Now() + lease))

    def running_again(self) -> ToolCallQuerySet:
        """This call while the run that this decision led to stands: whoever was given up changes nothing any more."""
        return type(self).objects.filter(pk=self.pk, status=self.Status.EXECUTING, decided_at=self.decided_at)


def _consequences(decision: ToolCall.Decision) -> dict[str, object]:
    """What changes on the row with a decision."""
    match decision:
        case ToolCall.Decision.HAPPENED:
            return {"status": ToolCall.Status.COMPLETED, "error": "", "content": HAPPENED}
        case ToolCall.Decision.NOT_HAPPENED:
            return {"status": ToolCall.Status.FAILED, "error": NOT_HAPPENED, "content": f"Error: {NOT_HAPPENED}"}
        case _:
            again = {"error": "", "finished_at": None, "lease_until": Now()}
            return {"status": ToolCall.Status.PENDING, "content": RUNS_AGAIN, **again}
