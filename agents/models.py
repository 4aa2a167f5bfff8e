"""Agents as rows: who answers, with which model, instructions and tools."""

import re
from typing import Any, ClassVar

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import DEFAULT_DB_ALIAS, models

from agents.config import AgentConfig
from agents.errors import ErrorCode, Refused
from agents.model_settings import validate_model_settings
from agents.providers import is_demo
from agents.statements import Cursor
from tools import base
from tools.models import Tool, runnable
from tools.registry import registry

SLUG_LENGTH = 64
DEFAULT_AGENT = "default"
SLUG = re.compile(r"\A[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\Z")
validate_slug = RegexValidator(SLUG.pattern, "Use letters, digits, - and _; begin and end with a letter or digit.")


def is_slug(text: str) -> bool:
    """Whether an agent can have this name. What cannot be one is not looked up: databases refuse some characters."""
    return len(text) <= SLUG_LENGTH and SLUG.search(text) is not None


def validate_provider(value: str) -> None:
    if value not in settings.MODEL_PROVIDERS:
        known = ", ".join(settings.MODEL_PROVIDERS)
        raise ValidationError(f"There is no provider {value!r} in the configuration. Known providers: {known}.")


class AgentQuerySet(models.QuerySet["Agent"]):
    def active(self) -> "AgentQuerySet":
        return self.filter(is_active=True)


class Agent(models.Model):
    """One agent. Requests name it by `slug`; people see `name`."""

    slug = models.CharField(
        max_length=SLUG_LENGTH, unique=True, validators=[validate_slug], help_text="The name that requests use."
    )
    name = models.CharField("display name", max_length=100, default="Assistant")
    description = models.CharField(max_length=300, blank=True, help_text="One line for the agent picker.")
    instructions = models.TextField(default="You are a helpful assistant.", blank=True, max_length=100_000)
    provider = models.CharField(
        max_length=64,
        default="default",
        validators=[validate_provider],
        help_text="A provider of the configuration: its URL and key are in the server's environment, never here.",
    )
    model = models.CharField(
        max_length=200, blank=True, help_text="The model's name at its provider. Empty: DEFAULT_MODEL."
    )
    model_settings = models.JSONField(
        default=dict, blank=True, validators=[validate_model_settings], help_text='Such as {"temperature": 0.2}.'
    )
    tools = models.ManyToManyField(Tool, blank=True, related_name="agents")
    max_parallel_tools = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(64)], help_text="Tool calls at the same time."
    )
    tool_call_timeout = models.FloatField(
        default=30.0, validators=[MinValueValidator(0.1), MaxValueValidator(3600)], help_text="Seconds per tool call."
    )
    max_rounds = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="Model turns per answer. Empty: MAX_ROUNDS.",
    )
    allow_instructions = models.BooleanField(
        default=False, help_text="Whether a request may replace the instructions for its own run."
    )
    is_active = models.BooleanField("active", default=True, help_text="An inactive agent takes no new messages.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[models.Manager["Agent"]] = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return f"{self.name} ({self.slug})"

    def clean(self) -> None:
        """Validate the settings here too: Django asks a field's validators nothing about an empty list or null."""
        try:
            validate_model_settings(self.model_settings)
        except ValidationError as invalid:
            raise ValidationError({"model_settings": invalid.messages}) from None

    @property
    def is_default(self) -> bool:
        return self.slug == DEFAULT_AGENT

    @property
    def effective_model(self) -> str:
        """The model that will answer; the demo model says that it is one."""
        return "demo" if is_demo(self.provider) else self.model or str(settings.DEFAULT_MODEL)

    def runnable_tools(self, cursor: Cursor | None = None) -> tuple[base.Tool, ...]:
        """Its tools that are switched on and present, with what an admin has set for each."""
        rows = (cursor or Cursor()).rows(
            "SELECT name, timeout, requires_approval, replay FROM tools_tool WHERE enabled"
            " AND id IN (SELECT tool_id FROM agents_agent_tools WHERE agent_id = %s) ORDER BY name",
            [self.pk],
        )
        return tuple([runnable(*row) for row in rows if row[0] in registry])

    def config(
        self,
        tools: tuple[base.Tool, ...] | None = None,
        *,
        instructions: str | None = None,
        parallel_tools: bool = True,
    ) -> AgentConfig:
        """A copy for one run, with what the request may change. Raises Refused where it may not.

        `tools` saves a look where they are known already.
        """
        return AgentConfig(
            slug=self.slug,
            name=self.name,
            instructions=self._instructions(instructions),
            provider=self.provider,
            model=self.effective_model,
            settings=self.model_settings,
            tools=tuple([tool.name for tool in (self.runnable_tools() if tools is None else tools)]),
            max_parallel_tools=self.max_parallel_tools,
            tool_call_timeout=self.tool_call_timeout,
            max_rounds=self.max_rounds or settings.MAX_ROUNDS,
            parallel_tools=parallel_tools,
        )

    def _instructions(self, asked: str | None) -> str:
        """Those of the request if it has some and may. Raises Refused if it may not."""
        if asked is None:
            return self.instructions
        if self.allow_instructions:
            return asked
        raise Refused(
            ErrorCode.FORBIDDEN,
            f"The agent {self.slug!r} takes no `instructions` from requests: leave them out, or have an"
            " administrator set its allow_instructions.",
        )


BUILTIN_TOOLS = ("get_weather", "calculate", "get_time", "search_web", "get_stock_price")


def builtin_tools(using: str = DEFAULT_DB_ALIAS) -> models.QuerySet[Tool]:
    """The tools of an agent for which nobody has chosen any."""
    return Tool.objects.using(using).filter(name__in=BUILTIN_TOOLS)


def create_default_agent(*, using: str = DEFAULT_DB_ALIAS, apps: Apps = current_apps, **_: Any) -> None:
    """Make the built-in agent, after migrations, where there is none. One that an admin changed is left alone.

    `apps` is what the migrations have made: after one back to zero there is no table.
    """
    if "agent" not in apps.all_models["agents"]:
        return
    description = "A helpful assistant with weather, sums, time, web search and stock prices."
    defaults = {"description": description, "allow_instructions": True}
    agent, made = Agent.objects.using(using).get_or_create(slug=DEFAULT_AGENT, defaults=defaults)
    if made:  # here, and not by another process that migrates the same database
        agent.tools.set(builtin_tools(using))
