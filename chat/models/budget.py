"""Budgets: how many tokens may be used in a day or a month, by a user, an agent, or everybody.

Tokens are set aside before the model is asked, and settled when the run has ended: used and set aside together never
pass the budget when a run starts. Whoever locks several counters does so in the order of their budgets, and holds no
other row that somebody waits for who has counters locked.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import connection, models
from django.db.models import Exists, F, OuterRef, Q, Sum
from django.utils import timezone

from agents.models import Agent
from agents.statements import Cursor
from chat.models.run import Run

SHARED = 0  # the holder of a counter that all users share
AT_ONCE = 200  # reservations settled in one transaction


class Budget(models.Model):
    """So many tokens, of questions and answers together, in a period. Periods begin at midnight, UTC."""

    class Subject(models.TextChoices):
        USER = "user", "One user"
        EACH_USER = "each_user", "Each user without a budget of their own"
        AGENT = "agent", "One agent, whoever asks it"
        EVERYBODY = "everybody", "Everybody together"

    class Period(models.TextChoices):
        DAY = "day"
        MONTH = "month"

        def begin(self, at: datetime) -> date:
            """The first day of the period that a time lies in."""
            today = at.astimezone(UTC).date()
            return today if self is Budget.Period.DAY else today.replace(day=1)

        def end(self, begin: date) -> datetime:
            """When the period is over that begins on that day."""
            next_day = begin + timedelta(days=1 if self is Budget.Period.DAY else 32)
            if self is Budget.Period.MONTH:
                next_day = next_day.replace(day=1)
            return datetime(next_day.year, next_day.month, next_day.day, tzinfo=UTC)

    subject = models.CharField(max_length=9, choices=Subject.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="budgets"
    )
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, null=True, blank=True, related_name="budgets")
    period = models.CharField(max_length=5, choices=Period.choices)
    tokens = models.BigIntegerField(validators=[MinValueValidator(0)])

    class Meta:
        ordering = ["subject", "period", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(subject="user", user__isnull=False, agent=None)
                | Q(subject="agent", agent__isnull=False, user=None)
                | Q(subject__in=["each_user", "everybody"], user=None, agent=None),
                name="a_budget_names_its_subject",
            ),
            models.UniqueConstraint(
                fields=["user", "period"], condition=Q(subject="user"), name="one_budget_per_user_and_period"
            ),
            models.UniqueConstraint(
                fields=["agent", "period"], condition=Q(subject="agent"), name="one_budget_per_agent_and_period"
            ),
            models.UniqueConstraint(
                fields=["subject", "period"],
                condition=Q(subject__in=["each_user", "everybody"]),
                name="one_budget_for_all_per_period",
            ),
        ]

    def __str__(self) -> str:
        whose = {self.Subject.USER: self.user, self.Subject.AGENT: self.agent}.get(self.Subject(self.subject))
        return f"{self.tokens} tokens a {self.period} for {whose or self.get_subject_display().lower()}"

    @classmethod
    def applying_to(cls, cursor: Cursor, user_id: int, agent_id: int | None = None) -> "list[Budget]":
        """The budgets that a run of this user with this agent has to keep, in the order in which they are locked."""
        asked = "subject IN ('each_user', 'everybody') OR user_id = %s OR agent_id = %s"  # one statement of each start
        found = cursor.load(cls, asked, user_id, agent_id or 0)
        found.sort(key=lambda budget: budget.pk)
        own = {budget.period for budget in found if budget.subject == cls.Subject.USER}
        return [budget for budget in found if budget.subject != cls.Subject.EACH_USER or budget.period not in own]

    def clean(self) -> None:
        named = {"user": self.user_id, "agent": self.agent_id}
        wanted = self.subject if self.subject in named else ""
        for field, value in named.items():
            if (value is not None) != (field == wanted):
                said = f"Choose the {field}." if field == wanted else f"Leave this empty: the subject names no {field}."
                raise ValidationError({field: said})

    def holder_of(self, user_id: int) -> int:
        """Whose counter a user's runs count in."""
        return user_id if self.subject in {self.Subject.USER, self.Subject.EACH_USER} else SHARED

    def runs(self, user_id: int) -> "models.QuerySet[Run]":
        """The stored runs that count in a user's counter of this budget."""
        if self.subject == self.Subject.AGENT:
            return Run.objects.filter(agent_name=self.agent.slug if self.agent else "")
        return Run.objects.filter(caller_id=user_id) if self.holder_of(user_id) else Run.objects.all()


class SpendingQuerySet(models.QuerySet["Spending"]):
    def look(self, budget: Budget, user_id: int) -> "Spending":
        """A user's counter of a budget in the period at hand. One that nobody has needed yet is not stored."""
        begins = Budget.Period(budget.period).begin(timezone.now())
        key: dict[str, Any] = {"holder": budget.holder_of(user_id), "begins": begins}
        found = self.filter(budget=budget, **key).first()
        if found is None:
            return Spending(budget=budget, used=_used_before(budget, user_id, begins), **key)
        found.budget = budget
        return found

    def now(self, budget: Budget, user_id: int) -> "Spending":
        """The same, and stored. It begins with what stored runs have used in the period."""
        found = self.look(budget, user_id)
        if found._state.adding:
            key = {"budget": budget, "holder": found.holder, "begins": found.begins}
            found, _ = self.get_or_create(**key, defaults={"used": found.used})
            found.budget = budget
        return found

    def open_shared(self) -> None:
        """Store the counters that users share and that the period at hand lacks.

        A start that is refused rolls back the counter it has stored, and the next one would add up all runs again.
        """
        begins = {period: period.begin(timezone.now()) for period in Budget.Period}
        stored = set(self.filter(holder=SHARED, begins__in=begins.values()).values_list("budget", "begins"))
        subjects = (Budget.Subject.AGENT, Budget.Subject.EVERYBODY)
        for budget in Budget.objects.filter(subject__in=subjects).order_by("pk"):
            if (budget.pk, begins[Budget.Period(budget.period)]) not in stored:
                self.now(budget, SHARED)


class Spending(models.Model):
    """What has been used of a budget in one period, and what running runs have set aside. In tokens."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="spending")
    holder = models.BigIntegerField(default=SHARED, help_text="The user's number; 0 where all users share the counter.")
    begins = models.DateField()
    used = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)

    objects: ClassVar[SpendingQuerySet] = SpendingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-begins", "budget", "holder"]
        verbose_name_plural = "spending"
        constraints = [
            models.UniqueConstraint(fields=["budget", "holder", "begins"], name="one_counter_per_budget_and_period")
        ]

    def __str__(self) -> str:
        return f"{self.used} of {self.budget} from {self.begins}"

    @property
    def remaining(self) -> int:
        return max(0, self.budget.tokens - self.used - self.reserved)

    @property
    def resets_at(self) -> datetime:
        return Budget.Period(self.budget.period).end(self.begins)

    def set_aside(self, tokens: int) -> bool:
        """Set tokens aside if the budget has them: one statement, whoever else does the same."""
        fits = type(self).objects.filter(pk=self.pk, used__lte=self.budget.tokens - tokens - F("reserved"))
        if fits.update(reserved=F("reserved") + tokens):
            return True
        self.refresh_from_db(fields=["used", "reserved"])
        return False


class OverBudget(Exception):
    """A budget does not have the tokens that a run needs."""

    def __init__(self, counter: Spending, needed: int) -> None:
        super().__init__(f"{counter.budget} has not {needed} tokens left.")
        self.counter = counter
        self.needed = needed


class ReservationQuerySet(models.QuerySet["Reservation"]):
    def make(self, run_id: uuid.UUID, user_id: int, budgets: Iterable[Budget], tokens: int) -> None:
        """Set tokens aside for a run in each budget. Raises OverBudget; what was done by then has to be rolled back."""
        made = []
        for budget in budgets:
            counter = Spending.objects.now(budget, user_id)
            if not counter.set_aside(tokens):
                raise OverBudget(counter, tokens)
            made.append(Reservation(run_id=run_id, counter=counter, tokens=tokens))
        self.bulk_create(made)

    def extend(self, run_id: uuid.UUID, tokens: int) -> None:
        """See that a run has so many tokens set aside. Raises OverBudget; roll back then."""
        rows = self.filter(run_id=run_id, tokens__lt=tokens).select_related("counter__budget")
        if connection.features.has_select_for_update:  # before the counters, as `settle` does, which may end them
            rows = rows.select_for_update(of=("self",), no_key=True)
        for row in rows.order_by("counter__budget_id"):
            if not row.counter.set_aside(tokens - row.tokens):
                raise OverBudget(row.counter, tokens)
            self.filter(pk=row.pk).update(tokens=tokens)

    def settle(self) -> int:
        """Count what ended runs have used, and let go of what they had set aside, each once; how many rows that were.

        A run that was deleted while it ran has used what it had set aside.
        """
        rows = self.exclude(Exists(Run.objects.active().filter(pk=OuterRef("run_id"))))
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        ended = list(rows.select_related("counter")[:AT_ONCE])
        tokens = Run.objects.filter(pk__in={row.run_id for row in ended}).values_list(
            "pk", F("input_tokens") + F("output_tokens")
        )
        used_by_run = dict(tokens)
        changes: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        for row in ended:
            change = changes[row.counter.budget_id, row.counter_id]
            change[0] += used_by_run.get(row.run_id, row.tokens)
            change[1] += row.tokens
        for (_, counter_id), (used, reserved) in sorted(changes.items()):
            Spending.objects.filter(pk=counter_id).update(used=F("used") + used, reserved=F("reserved") - reserved)
        Reservation.objects.filter(pk__in=[row.pk for row in ended]).delete()
        return len(ended)


class Reservation(models.Model):
    """What a run has set aside in one counter. It outlives its run, so that nothing stays set aside for ever."""

    run_id = models.UUIDField(db_index=True)
    counter = models.ForeignKey(Spending, on_delete=models.CASCADE, related_name="reservations")
    tokens = models.BigIntegerField()

    objects: ClassVar[ReservationQuerySet] = ReservationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run_id", "counter"], name="one_reservation_per_run_and_counter")
        ]

    def __str__(self) -> str:
        return f"{self.tokens} for {self.run_id}"


def _used_before(budget: Budget, user_id: int, begins: date) -> int:
    """What stored runs of this period have used that ended before anybody counted."""
    since = datetime(begins.year, begins.month, begins.day, tzinfo=UTC)
    ended = budget.runs(user_id).exclude(status__in=Run.Status.active()).filter(created_at__gte=since)
    sums: dict[str, Any] = ended.aggregate(used=Sum(F("input_tokens") + F("output_tokens")))
    return sums["used"] or 0
