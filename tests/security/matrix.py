"""Who gets what: a row for every route and every message of the WebSocket, with a victim's ids wherever ids can stand.

`{run}`, `{conversation}`, `{call}`, `{cursor}` and `{key}` are alice's; `{agent}` is an agent made for the attempt and
`{fresh}` a name that nobody has used. What is a route or a message is not decided here: test_matrix.py asks the schema,
the URLs and chat.requests, and fails for what has no row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CALLERS = ("nobody", "bob", "admin", "local", "revoked", "expired", "without_scope", "alice")  # the owner comes last
STRANGERS = ("bob", "admin", "local")  # let in, and yet not alice
Expected = Mapping[str, int]


def expect(ok: int, *, stranger: int | None = None, without_scope: int = 403, nobody: int = 401) -> Expected:
    """The status of each caller's answer; `ok` is alice's, and also that of strangers unless they have their own."""
    return {
        "alice": ok,
        **dict.fromkeys(STRANGERS, ok if stranger is None else stranger),
        "without_scope": without_scope,
        **dict.fromkeys(("nobody", "revoked", "expired"), nobody),
    }


OWNED = expect(200, stranger=404)
CALLER = expect(200)
MADE = expect(201)
PUBLIC = expect(200, without_scope=200, nobody=200)


@dataclass(frozen=True)
class Attempt:
    """One request. `scope` is the one that `without_scope` has a key without."""

    expected: Expected
    query: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    scope: str = "chat"

    @property
    def is_owned(self) -> bool:
        return self.expected["bob"] == 404


HI: dict[str, Any] = {"message": "say:Hi"}
CHAT = (
    Attempt(CALLER, body=HI),
    Attempt(expect(422, stranger=200), body=HI, headers={"Idempotency-Key": "{key}"}),  # alice used it for more
    Attempt(OWNED, body={**HI, "conversation_id": "{conversation}"}),
    Attempt(OWNED, body={**HI, "conversation_id": "{conversation}", "reset_history": True}),
)
ROUTES: dict[str, tuple[Attempt, ...]] = {
    "POST /chat": CHAT,
    "POST /chat/stream": (
        *CHAT,
        Attempt(OWNED, body=HI, headers={"Last-Event-ID": "{run}:1"}),
        Attempt(OWNED, body=HI, headers={"Last-Event-ID": "{run}:0", "Idempotency-Key": "{key}"}),
    ),
    "GET /runs/{run_id}": (Attempt(OWNED),),
    "GET /runs/{run_id}/events": (
        Attempt(OWNED),
        Attempt(OWNED, query="?after=1"),
        Attempt(OWNED, headers={"Accept": "application/json"}),
        Attempt(OWNED, headers={"Last-Event-ID": "{run}:2"}),
    ),
    "POST /runs/{run_id}/cancel": (Attempt(OWNED),),
    "POST /runs/{run_id}/tool_calls/{call_id}/decision": (Attempt(OWNED, body={"decision": "happened"}),),
    "GET /conversations": (
        Attempt(CALLER),
        Attempt(CALLER, query="?search=secret"),
        Attempt(CALLER, query="?search={conversation}"),
        Attempt(CALLER, query="?cursor={cursor}"),
    ),
    "GET /conversations/{conversation_id}": (Attempt(OWNED),),
    "GET /conversations/{conversation_id}/messages": (Attempt(OWNED), Attempt(OWNED, query="?limit=1")),
    "PATCH /conversations/{conversation_id}": (Attempt(OWNED, body={"title": "Mine"}),),
    "DELETE /conversations/{conversation_id}": (Attempt(expect(204, stranger=404)),),
    "GET /agents": (Attempt(CALLER),),
    "GET /agents/{agent_name}": (Attempt(CALLER),),
    "POST /agents/{agent_name}": (Attempt(MADE, body={}, scope="agents"),),
    "PUT /agents/{agent_name}": (Attempt(CALLER, body={}, scope="agents"),),
    "PATCH /agents/{agent_name}": (Attempt(CALLER, body={"description": "x"}, scope="agents"),),
    "DELETE /agents/{agent_name}": (Attempt(expect(204), scope="agents"),),
    "GET /tools": (Attempt(CALLER),),
    "GET /usage": (Attempt(CALLER),),
    "POST /ws/ticket": (Attempt(MADE),),
    "GET /health": (Attempt(PUBLIC),),
    "GET /health/live": (Attempt(PUBLIC),),
    "GET /health/ready": (Attempt(PUBLIC),),
    # not in the schema: pages, and the schema itself
    "GET /openapi.json": (Attempt(PUBLIC),),
    "GET /docs": (Attempt(PUBLIC),),
    "GET /redoc": (Attempt(PUBLIC),),
    "GET /ws": (Attempt(dict.fromkeys(CALLERS, 426)),),
    "GET /favicon.ico": (Attempt(dict.fromkeys(CALLERS, 302)),),
    "GET /": (Attempt(expect(200, without_scope=200, nobody=302)),),
    "GET /admin/": (Attempt({**dict.fromkeys(CALLERS, 302), "admin": 200}),),
    "GET /accounts/login/": (Attempt({**PUBLIC, "admin": 302}),),
    "GET /accounts/logout/": (Attempt(dict.fromkeys(CALLERS, 405)),),
}
NAMES = {"run_id": "{run}", "conversation_id": "{conversation}", "call_id": "{call}"}
OPENS: Mapping[str, str] = {  # the outcome of opening a socket
    **dict.fromkeys(("alice", *STRANGERS), "open"),
    **dict.fromkeys(("nobody", "revoked", "expired"), "4401"),
    "without_scope": "4403",
}


@dataclass(frozen=True)
class FrameAttempt:
    """One frame; `reply` is the type of the first frame that alice is answered with."""

    reply: str
    data: Mapping[str, Any] | None = None
    is_owned: bool = False


FRAMES: dict[str, tuple[FrameAttempt, ...]] = {
    "chat": (
        FrameAttempt("run_started", HI),
        FrameAttempt("run_started", {**HI, "conversation_id": "{conversation}"}, is_owned=True),
        FrameAttempt("run_started", {**HI, "conversation_id": "{conversation}", "reset_history": True}, is_owned=True),
    ),
    "resume": (
        FrameAttempt("run_started", {"run_id": "{run}"}, is_owned=True),
        FrameAttempt("chat_complete", {"run_id": "{run}", "after": "{before_last}"}, is_owned=True),
    ),
    "cancel": (FrameAttempt("chat_complete", {"run_id": "{run}"}, is_owned=True),),
    "ping": (FrameAttempt("pong"),),
    "disconnect": (FrameAttempt("close 1000"),),
}


def without_rows(found: set[str], rows: Mapping[str, object]) -> set[str]:
    """What has no row, and rows for what is not there."""
    return found ^ set(rows)


def filled(template: Any, ids: Mapping[str, str]) -> Any:
    """The template with ids for names, in strings wherever they stand; a lone `{before_last}` becomes a number."""
    match template:
        case "{before_last}":
            return int(ids["before_last"])
        case str():
            for name, value in ids.items():
                template = template.replace(f"{{{name}}}", value)
            return template
        case Mapping():
            return {name: filled(value, ids) for name, value in template.items()}
    return template
