"""Tools as rows: what an admin may decide about the tools that the code brings."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from tools.base import MAX_TIMEOUT
from tools.base import Tool as ToolFunction
from tools.registry import registry

NAME_LENGTH = 64


class ReplayRule(models.TextChoices):
    """What happens to a call that a crash cut. The values are those of tools.base.Replay."""

    SAFE = "safe", "Safe: run again"
    IDEMPOTENT = "idempotent", "Idempotent: run again with the same key"
    UNSAFE = "unsafe", "Unsafe: never run again"


class ToolQuerySet(models.QuerySet["Tool"]):
    def available(self) -> Self:
        """Tools that are in the code, of this process too: each of them is `runnable`."""
        return self.filter(available=True, name__in=registry.names())

    def usable(self) -> Self:
        """Tools that an agent may be given: available and enabled."""
        return self.available().filter(enabled=True)

    def sync(self, tools: Iterable[ToolFunction]) -> None:
        """Bring the rows in line with the code; what an admin decided stays. Rows without code become unavailable."""
        known = {tool.name: tool for tool in tools}
        rows = {row.name: row for row in self}
        changed = [row for row in rows.values() if row.take(known.get(row.name))]
        self.bulk_update(changed, ["description", "parameters", "available", "updated_at"])
        new = [
            Tool(name=name, description=tool.description, parameters=tool.parameters)
            for name, tool in known.items()
            if name not in rows
        ]
        self.bulk_create(new, ignore_conflicts=True)  # another process may be migrating too


class Tool(models.Model):
    """What is known and decided about one tool.

    Name, description and parameters come from the code. `timeout`, `requires_approval` and `replay` are empty unless an
    admin decided otherwise than the code; `runnable` puts both together.
    """

    name = models.CharField(max_length=NAME_LENGTH, unique=True, help_text="What the model calls it by.")
    description = models.TextField(help_text="What the model reads of it: the docstring of the function.")
    parameters = models.JSONField(help_text="JSON Schema of the arguments, from the signature of the function.")
    enabled = models.BooleanField(default=True, help_text="A tool that is not enabled is given to no agent.")
    available = models.BooleanField(
        default=True, help_text="No: the code has no tool of this name any more (see TOOL_MODULES)."
    )
    timeout = models.FloatField(
        null=True,
        blank=True,
        help_text="Seconds that one call may take, up to an hour. Empty: as in the code, else as the agent says.",
    )
    requires_approval = models.BooleanField(
        null=True, blank=True, help_text="Whether a person has to approve each call. Unknown: as in the code."
    )
    replay = models.CharField(
        max_length=10,
        blank=True,
        choices=ReplayRule.choices,
        help_text="What happens to a call that a crash of the server cut. Empty: as in the code.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[ToolQuerySet] = ToolQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="tool_timeout_in_range",
                condition=models.Q(timeout__isnull=True) | models.Q(timeout__gt=0, timeout__lte=MAX_TIMEOUT),
                violation_error_message=f"Give a timeout above 0 and up to {MAX_TIMEOUT:g} seconds, or none.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def runnable(self) -> ToolFunction:
        """The function of the code with this row's rules; raises UnknownToolError where the code has none."""
        return runnable(self.name, self.timeout, self.requires_approval, self.replay)

    def take(self, tool: ToolFunction | None) -> bool:
        """Take over what the code says now (None: the code has no such tool); True where that changes the row."""
        before = (self.description, self.parameters, self.available)
        self.available = tool is not None
        if tool is not None:
            self.description, self.parameters = tool.description, tool.parameters
        changed = before != (self.description, self.parameters, self.available)
        if changed:
            self.updated_at = timezone.now()
        return changed


def runnable(name: str, timeout: float | None, requires_approval: bool | None, replay: str) -> ToolFunction:
    """The function of the code with the rules of a row of its name; raises UnknownToolError where there is none."""
    tool = registry.get(name)
    if timeout is None and requires_approval is None and not replay:
        return tool
    decided: dict[str, Any] = {"timeout": timeout, "requires_approval": requires_approval, "replay": replay or None}
    return replace(tool, **{field: value for field, value in decided.items() if value is not None})
