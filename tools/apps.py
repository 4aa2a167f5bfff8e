from typing import Any

from django.apps import AppConfig
from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models.signals import post_migrate


class ToolsConfig(AppConfig):
    name = "tools"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tools.discovery import configured_tools
        from tools.registry import registry

        registry.replace(configured_tools())
        post_migrate.connect(sync_tools, sender=self, dispatch_uid="tools.sync")


def sync_tools(*, using: str = DEFAULT_DB_ALIAS, apps: Apps = current_apps, **_: Any) -> None:
    """Bring the tool rows of a database in line with the code, after its migrations. `apps` is what they have made."""
    from tools.models import Tool
    from tools.registry import registry

    if router.allow_migrate_model(using, Tool) and _columns(apps) == _columns(current_apps):
        Tool.objects.using(using).sync(registry)


def _columns(apps: Apps) -> set[str | None]:
    """The columns of the tools' table; none after a migration back to zero."""
    try:
        return {field.column for field in apps.get_model("tools", "Tool")._meta.local_concrete_fields}
    except LookupError:
        return set()
