"""`/health`: what is running, whether it works, and whether it takes new runs."""

import time
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.providers import is_demo
from chat.api.async_view import AsyncAPIView
from chat.api.examples import HEALTH, LIVE, READY
from chat.api.serializers import HealthSerializer, LiveSerializer, ReadySerializer
from chat.database import in_database
from chat.runs import current_runs
from tools.models import Tool

STARTED = time.monotonic()


class HealthView(AsyncAPIView):
    """For people and monitors; needs no credentials, and tells no secrets."""

    required_scope = None

    @extend_schema(
        operation_id="health",
        summary="State of the server",
        auth=[],
        responses={200: HealthSerializer},
        examples=[HEALTH],
        tags=["health"],
    )
    async def get(self, request: Request) -> Response:
        checks = await readiness()
        runs = current_runs()
        tools = await in_database(_tool_names) if checks["database"] == "ok" else []
        return Response(
            {
                "status": _status(checks),
                "version": settings.VERSION,
                "available_tools": tools,
                "uptime_seconds": round(time.monotonic() - STARTED, 1),
                "active_connections": len(runs.connections),
                "active_runs": len(runs.tasks),
                "model": "demo" if is_demo() else settings.DEFAULT_MODEL,
                "demo": is_demo(),
                "message": DEMO_MESSAGE if is_demo() else "",
                "checks": checks,
            }
        )


DEMO_MESSAGE = "The demo model answers. Set OPENAI_API_KEY or OPENAI_BASE_URL for a real one."


class LiveView(AsyncAPIView):
    required_scope = None

    @extend_schema(
        operation_id="health_live",
        summary="The process is up",
        auth=[],
        responses={200: LiveSerializer},
        examples=[LIVE],
        tags=["health"],
    )
    async def get(self, request: Request) -> Response:
        return Response({"status": "live"})


class ReadyView(AsyncAPIView):
    required_scope = None

    @extend_schema(
        operation_id="health_ready",
        summary="Ready to take runs",
        description="503 while the database or Redis cannot be reached, migrations are missing, or the server stops.",
        auth=[],
        responses={200: ReadySerializer, 503: ReadySerializer},
        examples=[READY],
        tags=["health"],
    )
    async def get(self, request: Request) -> Response:
        checks = await readiness()
        ready = all(state in {"ok", "off"} for state in checks.values())
        return Response({"status": "ready" if ready else "not_ready", "checks": checks}, status=200 if ready else 503)


async def readiness() -> dict[str, str]:
    """Each thing that a run needs: `ok`, `off` (not configured), or what is wrong."""
    runs = current_runs()
    try:
        database = await in_database(_database_state)
    except (DatabaseError, InterfaceError, ImproperlyConfigured):
        database = "unreachable"
    return {
        "database": database,
        "redis": await runs.hints.state(),
        "runs": "draining" if runs.draining else "ok",
    }


def _database_state() -> str:
    try:
        check_migrations()
    except MigrationsMissing:
        return "migrations missing: run `manage.py migrate`"
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


class MigrationsMissing(Exception):
    pass


@cache
def check_migrations() -> None:
    """Raise MigrationsMissing, or remember that all is well: a process's code never needs more migrations later."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MigrationsMissing


def _tool_names() -> list[str]:
    return list(Tool.objects.usable().values_list("name", flat=True))


def _status(checks: dict[str, Any]) -> str:
    if checks["database"] != "ok":
        return "error"
    return "healthy" if all(state in {"ok", "off"} for state in checks.values()) else "degraded"
