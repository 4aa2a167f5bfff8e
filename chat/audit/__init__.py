"""The audit log. `record` is the one way in."""

from chat.audit.record import record
from chat.models.audit import Action

__all__ = ["Action", "record"]
