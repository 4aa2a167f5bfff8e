"""Everything that belongs to one user: told to them, or taken away for good."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from chat.access import LOCAL_USER
from chat.audit import Action, record
from chat.journal.reading import stored_entries
from chat.models import ApiKey, AuditEntry, Conversation, Message, Run, ToolCall
from chat.models.audit import FORGOTTEN
from chat.models.budget import Budget, Spending

CHUNK = 500  # rows that are read at once
CONVERSATIONS_AT_ONCE = 20  # that one transaction deletes: others write in between
# A secret, what belongs to the process that runs it, and the agent's own instructions.
UNTOLD = frozenset({"password", "digest", "config", "owner", "epoch", "lease_until"})
OWNED: tuple[tuple[type[Model], str], ...] = ((ApiKey, "of"), (Budget, "for"))  # their labels end "… of alice"
Progress = Callable[[str], Any]


def find_user(username: str) -> Any | None:
    return get_user_model().objects.filter(username=username).first()


def export(user: Any) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Names, with what there is of each as JSON can tell it: a chunk of it in memory at a time."""
    for name, rows in belongings(user).items():
        yield name, (_fields(row) for row in rows.iterator(chunk_size=CHUNK))
        if name == "runs":
            yield "events", _events(rows)


def belongings(user: Any) -> dict[str, QuerySet[Any]]:
    """Name -> rows, the oldest first. The events of the runs are not among them: they may be packed."""
    runs = Run.objects.owned_by(user.pk)
    return {
        "user": get_user_model().objects.filter(pk=user.pk),
        "api_keys": ApiKey.objects.filter(user=user).order_by("pk"),
        "conversations": Conversation.objects.owned_by(user.pk).order_by("pk"),
        "messages": Message.objects.filter(conversation__owner=user).order_by("pk"),
        "runs": runs.order_by("pk"),
        "tool_calls": ToolCall.objects.filter(run__in=runs).order_by("pk"),
        "budgets": Budget.objects.filter(user=user).order_by("pk"),
        "spending": Spending.objects.filter(holder=user.pk).order_by("pk"),
        "admin_log": LogEntry.objects.filter(user=user).order_by("pk"),
        "audit": AuditEntry.objects.about(user.pk).order_by("pk"),
    }


def _events(runs: QuerySet[Run]) -> Iterator[dict[str, Any]]:
    for run_id in runs.values_list("pk", flat=True).iterator(chunk_size=CHUNK):
        for entry in stored_entries(run_id):
            yield {"run_id": run_id, "seq": entry.seq, "event_type": entry.event_type, "body": entry.body.decode()}


def _fields(row: Model) -> dict[str, Any]:
    fields = [field for field in row._meta.concrete_fields if field.name not in UNTOLD and field.column is not None]
    return {field.attname: getattr(row, field.attname) for field in fields}


def reason_to_keep(user: Any) -> str:
    """Why this user cannot be deleted; empty where they can."""
    if user.get_username() == LOCAL_USER:
        return f"{LOCAL_USER!r} is the user that open access acts as. OPEN_ACCESS=0 switches open access off."
    others = get_user_model().objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        return f"{user.get_username()!r} is the last administrator: make another one first (manage.py createsuperuser)."
    return ""


def delete_account(user: Any, progress: Progress, *, wait: float) -> None:
    """Delete the user with all that is theirs. What they did stays in the audit log, without their name.

    It may be stopped at any time and begun again. The user is shut out first: nothing comes after. `wait` is how many
    seconds active runs have to stop.
    """
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)
    _end_sessions(user)
    _stop_runs(user, progress, wait)
    _delete_conversations(user, progress)
    with transaction.atomic():
        record(Action.USER_DELETED, of=user)
        AuditEntry.objects.anonymise(user.pk)
        _blot_admin_log(user)
        Spending.objects.filter(holder=user.pk).delete()
        user.delete()


def _end_sessions(user: Any) -> None:
    for session in Session.objects.iterator(chunk_size=CHUNK):
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()


def _stop_runs(user: Any, progress: Progress, wait: float) -> None:
    """Ask the processes that run them to stop, and wait. A run that nobody runs cannot go on once its row is gone."""
    active = Run.objects.owned_by(user.pk).active()
    if not active.update(cancel_requested_at=timezone.now()):
        return
    progress("Stopping active runs …")
    give_up = time.monotonic() + wait
    while active.exists() and time.monotonic() < give_up:
        time.sleep(0.1)


def _delete_conversations(user: Any, progress: Progress) -> None:
    mine, gone = Conversation.objects.owned_by(user.pk), 0
    while some := list(mine.values_list("pk", flat=True)[:CONVERSATIONS_AT_ONCE]):
        with transaction.atomic():
            Conversation.objects.filter(pk__in=some).delete()
        gone += len(some)
        progress(f"{gone} conversations deleted …")


def _blot_admin_log(user: Any) -> None:
    """Take the user's names from what others did in the admin. Its messages name fields only, and stay.

    Keys and budgets that are gone already are found by their labels, under each name that the log knows.
    """
    account = _logged(type(user), Q(object_id=str(user.pk)))
    names = {user.get_username(), *LogEntry.objects.filter(account).values_list("object_repr", flat=True)}
    for model, preposition in OWNED:
        ids = [str(pk) for pk in model._default_manager.filter(user=user).values_list("pk", flat=True)]
        theirs = Q(object_id__in=ids)
        for name in names:
            theirs |= Q(object_repr__endswith=f" {preposition} {name}")
        LogEntry.objects.filter(_logged(model, theirs)).update(object_repr=FORGOTTEN)
    LogEntry.objects.filter(account).update(object_repr=FORGOTTEN)


def _logged(model: type[Model], which: Q) -> Q:
    return Q(content_type=ContentType.objects.get_for_model(model)) & which
