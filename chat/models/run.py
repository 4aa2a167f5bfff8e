"""Runs: one answer to one message, and its numbered events."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import msgspec
from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from agents.config import AgentConfig
from agents.errors import ErrorCode
from agents.models import SLUG_LENGTH
from agents.statements import Cursor
from chat.ids import new_id
from chat.models.conversation import Conversation, Message

MAX_ATTEMPTS = 3
LEASES_LOST, MIN_SECONDS_LOST = 4, 60  # how long after its lease a run that nobody takes up keeps its caller's slot
# Spelled out in queries, not bound to them: only so SQLite sees that an index of active runs serves it.
ACTIVE = "status IN ('queued', 'running', 'waiting_approval')"


class Spelled(models.Value):
    """A constant of ours that stands in the statement itself, for the reason above."""

    def as_sql(self, *_: Any) -> tuple[str, tuple[str | int, ...]]:
        return f"'{self.value}'", ()


class RunQuerySet(models.QuerySet["Run"]):
    def owned_by(self, user_id: int) -> "RunQuerySet":
        return self.filter(conversation__owner_id=user_id)

    def active(self) -> "RunQuerySet":
        return self.filter(status__in=[Spelled(status) for status in Run.Status.active()])

    def keyed(self, caller_id: int, key: str) -> "Run | None":
        """The run that this key of the caller's names already."""
        return self.filter(caller_id=caller_id, idempotency_key=key).exclude(idempotency_key=Spelled("")).first()

    def with_last_seq(self) -> "RunQuerySet":
        """Runs that know the number of their last event without a query each."""
        of_run = models.Q(run_id=models.OuterRef("pk"))
        newest = RunEvent.objects.filter(of_run).order_by("-seq").values("seq")
        packed = EventPack.objects.filter(of_run).order_by("-first_seq").values("last_seq")
        return self.annotate(newest_seq=Coalesce(models.Subquery(newest[:1]), models.Subquery(packed[:1])))

    def held_by(self, owner: uuid.UUID) -> "RunQuerySet":
        return self.active().filter(owner=owner)

    def abandoned(self) -> "RunQuerySet":
        """Runs whose owner has not renewed its lease in time (by the database's clock)."""
        return self.active().filter(lease_until__lte=Now())

    def release(self) -> int:
        """Let go of runs that go on elsewhere: whoever takes one over does not count it as a lost attempt."""
        return self.update(owner=None, lease_until=Now())


class Run(models.Model):
    """One answer to one message. It is owned by one process at a time: `owner` may write while `epoch` stands.

    `epoch` counts owners; each append to the journal is conditional on it. Times in `_ms` fields are milliseconds.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING_APPROVAL = "waiting_approval"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

        @classmethod
        def active(cls) -> tuple["Run.Status", ...]:
            return (cls.QUEUED, cls.RUNNING, cls.WAITING_APPROVAL)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="runs")
    question = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="answered_by")
    answer = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="run")
    # The index of callers and times below begins with the caller: another one would only cost writes.
    caller = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs", db_index=False)
    agent_name = models.CharField(max_length=SLUG_LENGTH)
    model = models.CharField(max_length=200)
    config = models.JSONField(help_text="The agent's configuration when the run started.")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)

    owner = models.UUIDField(null=True, blank=True)
    epoch = models.PositiveIntegerField(default=1)
    attempt = models.PositiveSmallIntegerField(default=1)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=255, blank=True)
    request_digest = models.CharField(max_length=64, blank=True)

    finish_reason = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=32, blank=True, choices=[(code.value, code.value) for code in ErrorCode])
    error_message = models.TextField(blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    budgeted = models.BooleanField(default=False, help_text="It has set tokens aside in a budget.")
    usage_estimated = models.BooleanField(default=False)
    tool_call_count = models.PositiveIntegerField(default=0)
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    events_pruned = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[RunQuerySet] = RunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["caller", "created_at"]),
            models.Index(
                fields=["caller"],
                condition=Q(status__in=["queued", "running", "waiting_approval"]),
                name="active_runs_by_caller",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(status__in=["queued", "running", "waiting_approval"]),
                name="active_runs_by_lease",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False, events_pruned=False),
                name="runs_to_prune",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(status__in=["queued", "running", "waiting_approval"]),
                name="one_active_run_per_conversation",
            ),
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="one_run_per_idempotency_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_name} {self.status} {self.id}"

    @classmethod
    def slots_of(cls, cursor: Cursor, caller_id: int) -> int:
        """How many of the caller's runs count against MAX_CONCURRENT_RUNS.

        A run whose process died keeps its slot while another one may take it up; where nobody has for several leases,
        nobody will, and the slot is free. A run without a lease waits for a person.
        """
        lost = timedelta(seconds=max(MIN_SECONDS_LOST, LEASES_LOST * settings.LEASE_SECONDS))
        since = cursor.later(-lost)
        held = f"caller_id = %s AND {ACTIVE} AND (lease_until IS NULL OR lease_until > {since.text})"
        counted = f"SELECT COUNT(*) FROM chat_run WHERE {held}"  # noqa: S608 - our own names
        return int(cursor.rows(counted, [caller_id, *since.parameters])[0][0])

    @classmethod
    def renew(cls, cursor: Cursor, owner: uuid.UUID, run_ids: Sequence[uuid.UUID], lease: timedelta) -> None:
        """Hold these runs for so much longer, as far as they are the owner's."""
        if not run_ids:  # they may all have ended meanwhile, and PostgreSQL takes no empty list
            return
        until = cursor.later(lease)
        which = f"id IN ({', '.join(['%s'] * len(run_ids))}) AND owner = %s AND {ACTIVE}"
        keys = map(cursor.key, [*run_ids, owner])
        cursor.execute(f"UPDATE chat_run SET lease_until = {until.text} WHERE {which}", [*until.parameters, *keys])  # noqa: S608 - our own names

    @classmethod
    def to_cancel(cls, cursor: Cursor, owner: uuid.UUID) -> list[uuid.UUID]:
        """The owner's runs that somebody wants to stop."""
        which = f"owner = %s AND {ACTIVE} AND cancel_requested_at IS NOT NULL"
        found = cursor.rows(f"SELECT id FROM chat_run WHERE {which}", [cursor.key(owner)])  # noqa: S608 - our own names
        return [cursor.uuid(key) for (key,) in found]

    @property
    def is_active(self) -> bool:
        return self.status in self.Status.active()

    @property
    def agent_config(self) -> AgentConfig:
        return msgspec.convert(self.config, AgentConfig)

    @property
    def usage(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "estimated": self.usage_estimated,
        }

    def last_seq(self) -> int:
        if hasattr(self, "newest_seq"):
            return self.newest_seq or 0
        newest = self.events.aggregate(last=models.Max("seq"))["last"]  # where there is none, it has been packed by now
        return newest or self.packs.aggregate(last=models.Max("last_seq"))["last"] or 0

    def take_over(self, owner: uuid.UUID, lease: timedelta) -> bool:
        """Become the owner, if nobody was faster. From then on the old owner's appends are void."""
        taken = (
            type(self)
            .objects.active()
            .filter(pk=self.pk, epoch=self.epoch)
            .update(
                owner=owner,
                epoch=F("epoch") + 1,
                attempt=Case(When(owner=None, then=F("attempt")), default=F("attempt") + 1),
                lease_until=Now() + lease,
                status=self.Status.RUNNING,
            )
        )
        if taken:
            self.refresh_from_db()
        return bool(taken)

    def finish(self, status: "Run.Status", *, said: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Enter a final state. The caller holds the run: this happens in the transaction of its last event.

        `said` is what the answer's message becomes.
        """
        now = timezone.now()
        cursor = Cursor()
        if said:
            cursor.update(Message, self.answer_id, **said)
        cursor.update(Run, self.pk, status=status, lease_until=None, finished_at=now, **fields)
        cursor.update(Conversation, self.conversation_id, updated_at=now)


class RunEvent(models.Model):
    """One line of a run's journal: the event exactly as clients get it. Written and read by chat.journal only.

    Some time after a run's end its lines are packed: see EventPack.
    """

    pk = models.CompositePrimaryKey("run_id", "seq")
    # The primary key begins with the run: another index on it would only cost writes.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    event_type = models.CharField(max_length=24)
    body = models.TextField(help_text="The event's JSON.")

    class Meta:
        ordering = ["run_id", "seq"]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.seq} {self.event_type}"


class EventPack(models.Model):
    """Many lines of the journal of a run that has ended, in little room: `data` is what chat.journal.packs makes.

    It stands in the place of their rows, the first ones of the run that have any.
    """

    pk = models.CompositePrimaryKey("run_id", "first_seq")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="packs", db_index=False)
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["run_id", "first_seq"]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.first_seq}-{self.last_seq}"
