"""Django's error page for developers (DEBUG=1), without what the environment keeps secret."""

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter


class RedactedReporter(ExceptionReporter):
    """Django hides settings by their names; a password in a URL, or in a variable of a frame, it would show."""

    def get_traceback_html(self) -> SafeString:
        return _redacted(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return _redacted(super().get_traceback_text())


def _redacted(page: SafeString) -> SafeString:
    return mark_safe(settings.REDACTION.text(page))  # noqa: S308 - escaped by Django; only characters are taken out
