from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.apps import apps as current_apps
from django.db.models.signals import post_migrate

if TYPE_CHECKING:
    from chat.runs import Runs


def create_local_user(*, apps: Any = current_apps, **_: Any) -> None:
    """The user that open access acts as. It has no password until somebody sets one."""
    if "user" not in apps.all_models["auth"]:  # after a migration back to zero
        return
    from django.contrib.auth import get_user_model

    from chat.access import LOCAL_USER

    users = get_user_model().objects
    if not users.filter(username=LOCAL_USER).exists():
        users.create_user(LOCAL_USER)


class ChatConfig(AppConfig):
    name = "chat"
    runs: "Runs | None" = None  # this process's runs, made at their first use

    def ready(self) -> None:
        from chat import checks  # noqa: F401 - registers the system checks
        from chat.audit import signals  # noqa: F401 - listens to what the audit log tells

        post_migrate.connect(create_local_user, sender=self)
