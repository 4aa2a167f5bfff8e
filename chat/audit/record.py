"""Writing the audit log: what is done, by whom, to what."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from rest_framework.request import Request

from agents.models import Agent
from chat.access import Caller
from chat.models import ApiKey, AuditEntry
from chat.models.audit import CUT, Action, Detail, Via
from tools.models import Tool

By = HttpRequest | Request | Caller | None


def record(action: Action, *, by: By = None, of: Model | None = None, **details: Detail) -> AuditEntry:
    """Add an entry, in the transaction of what it tells of. Uses the database: call it from a thread.

    `by` is the request in which it happens, or its Caller; None is a command on the server's machine. `of` is the row
    that it happens to. Details are names and counts, never secrets or texts of people; long ones are cut. A decision
    on a tool call: `record(Action.TOOL_CALL_DECIDED, by=request, of=call, decision="…", run=str(call.run_id))`.
    """
    return AuditEntry.objects.create(
        action=action,
        object_kind=kind_of(of) if of is not None else "",
        object_id=_identity(of)[:CUT] if of is not None else "",
        details={name: _short(value) for name, value in details.items()},
        **_actor(by),
    )


def kind_of(row: Model) -> str:
    """The kind of a row, as actions spell it."""
    return {"apikey": "api_key", "toolcall": "tool_call"}.get(str(row._meta.model_name), str(row._meta.model_name))


def _identity(row: Model) -> str:
    """What people call the row by: it says more than a number once the row is gone."""
    match row:
        case Agent():
            return row.slug
        case Tool():
            return row.name
        case ApiKey():
            return row.prefix
    return str(row.pk)


def _short(value: Detail) -> Detail:
    match value:
        case str():
            return value[:CUT]
        case [*items]:
            return [item[:CUT] for item in items]
    return value


def _actor(by: By) -> dict[str, Any]:
    match by:
        case None:
            return {"via": Via.COMMAND}
        case Caller():
            return _caller(by)
        case Request():
            return _request(by._request)
    return _request(by)


def _caller(caller: Caller) -> dict[str, Any]:
    return {
        "actor": caller.username,
        "user_id": caller.user_id,
        "via": Via(caller.via),
        "key_prefix": caller.key_prefix,
    }


def _request(request: HttpRequest) -> dict[str, Any]:
    where = {
        "request_id": getattr(request, "request_id", ""),
        "peer": request.META.get("REMOTE_ADDR", "")[:64],
        "forwarded_for": request.headers.get("x-forwarded-for", "")[:CUT],
    }
    caller: Caller | None = getattr(request, "caller", None)
    if caller is not None:
        return where | _caller(caller)
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return where | {"actor": user.get_username(), "user_id": user.pk, "via": Via.SESSION}
    return where | {"via": Via.NOTHING}
