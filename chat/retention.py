"""How long events are kept. Messages, runs and tool calls stay; the lines of their journals go."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from chat.models import EventPack, Run, RunEvent

RUNS_PER_BATCH = 100


def prune_batch(days: int | None = None) -> int:
    """Delete the events of up to RUNS_PER_BATCH runs that ended long ago; say how many runs that were.

    `days` is RUN_EVENT_RETENTION_DAYS unless given. A pruned run says so (`events_pruned`): old cursors get 410.
    """
    before = timezone.now() - timedelta(days=settings.RUN_EVENT_RETENTION_DAYS if days is None else days)
    old = Run.objects.filter(finished_at__lt=before, events_pruned=False).order_by("finished_at")
    runs = list(old.values_list("pk", flat=True)[:RUNS_PER_BATCH])
    # Marked first, in the same transaction: no reader finds a run half pruned.
    Run.objects.filter(pk__in=runs).update(events_pruned=True)
    for model in (RunEvent, EventPack):  # rows first: what another process packs meanwhile is found afterwards
        model.objects.filter(run_id__in=runs).delete()
    return len(runs)
