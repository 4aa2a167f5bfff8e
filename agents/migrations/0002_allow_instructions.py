from typing import Any

from django.db import migrations, models


def keep_the_default_agent_open(apps: Any, schema_editor: Any) -> None:
    """Clients have always been able to replace the built-in agent's instructions; of other agents nobody said so."""
    agents = apps.get_model("agents", "Agent").objects.using(schema_editor.connection.alias)
    agents.filter(slug="default").update(allow_instructions=True)


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="agent",
            name="allow_instructions",
            field=models.BooleanField(
                default=False, help_text="Whether a request may replace the instructions for its own run."
            ),
        ),
        migrations.RunPython(keep_the_default_agent_open, migrations.RunPython.noop),
    ]
