"""How the admin shows where a run stands."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.models import Run

SIGNS = {"completed": ("ok", "✓"), "failed": ("bad", "✗"), "cancelled": ("quiet", "■")}


def in_colour(run: Run) -> SafeString:
    """A run's status and, where it has one, its error code, with a sign beside the colour (static/chat/admin.css)."""
    kind, sign = SIGNS.get(run.status, ("run", "…"))
    text = ": ".join(part for part in (run.get_status_display(), run.error_code) if part)
    return format_html('<span class="state state-{}">{} {}</span>', kind, sign, text)
