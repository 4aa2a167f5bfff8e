from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AgentsConfig(AppConfig):
    name = "agents"

    def ready(self) -> None:
        from agents.models import create_default_agent

        # After tools.apps has synced its rows: Django sends post_migrate app by app, in the order of INSTALLED_APPS.
        post_migrate.connect(create_default_agent, sender=self)
