"""The journal: an append-only list of numbered events per run. Everything that anyone sees is read from it."""

from chat.journal.journal import Journal
from chat.journal.live_run import Entry, LiveRun

__all__ = ["Entry", "Journal", "LiveRun"]
