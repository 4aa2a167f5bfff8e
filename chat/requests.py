"""What clients may ask for: decoded strictly, so that a misspelt option is refused and never ignored."""

import hashlib
import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from django.conf import settings

from agents.errors import ErrorCode
from chat.exceptions import Refused, invalid

R = TypeVar("R", bound=msgspec.Struct)
MAX_DEPTH = 64
NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
PATH = re.compile(r" - at `\$\.?(.*?)`$")
UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.+?)`")


class ChatRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A message for an agent: the body of `POST /chat` and `/chat/stream`, and `data` of a WebSocket `chat`."""

    message: str
    reset_history: bool = False
    parallel_tools: bool = True
    agent_name: str | None = None  # None: the conversation's own agent, else "default"
    conversation_id: str | None = None
    instructions: str | None = None

    def digest(self) -> str:
        """The same for requests that ask for the same."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


class Resume(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    run_id: str
    after: Annotated[int, msgspec.Meta(ge=0)] = 0


class Cancel(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    run_id: str


class Frame(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A WebSocket frame from a client. `id` is the client's own; it comes back on what the frame led to."""

    type: Literal["chat", "resume", "cancel", "ping", "disconnect"]
    data: dict[str, Any] = {}
    id: Annotated[str, msgspec.Meta(max_length=100)] | None = None


def decode(body: bytes | str, kind: type[R]) -> R:
    """Decode JSON into a request. Raises Refused with a message that names the field."""
    return convert(decode_json(body), kind)


def decode_json(body: bytes | str) -> Any:
    """Decode JSON of bounded depth. Raises Refused."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise invalid(f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise invalid("The JSON is nested too deeply.") from None
    _check(value)
    return value


def convert(value: Any, kind: type[R]) -> R:
    """Turn decoded JSON into a request. Raises Refused with a message that names the field."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _named(str(error)) from None


def check_chat(request: ChatRequest) -> None:
    """The rules that types do not say. Raises Refused."""
    if not request.message.strip():
        raise invalid("`message` is empty: write something.", field="message")
    if request.agent_name == "":
        raise invalid("`agent_name` is empty: name an agent, or leave the field out.", field="agent_name")
    for field in ("message", "instructions"):
        length = len(getattr(request, field) or "")
        if length > settings.MAX_MESSAGE_CHARS:
            raise Refused(
                ErrorCode.INVALID_REQUEST,
                f"`{field}` has {length} characters; the limit is {settings.MAX_MESSAGE_CHARS} (MAX_MESSAGE_CHARS).",
                details={"field": field},
                status=413,
            )


def _check(value: Any, depth: int = 0) -> None:
    """Refuse what the database cannot hold (NUL, half a surrogate pair) and what is nested without need."""
    if depth > MAX_DEPTH:
        raise invalid("The JSON is nested too deeply.")
    if isinstance(value, str):
        if NOT_STORABLE.search(value):
            raise invalid("The text holds a character that cannot be stored (NUL or half a surrogate pair).")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def _named(problem: str) -> Refused:
    """msgspec's sentence, with the field where clients look for it."""
    unknown = UNKNOWN_FIELD.search(problem)
    path = PATH.search(problem)
    field = unknown[1] if unknown else path[1] if path else ""
    missing = re.search(r"missing required field `(.+?)`", problem)
    field = missing[1] if missing else field
    text = PATH.sub("", problem)
    return invalid(f"`{field}`: {text}." if field and not (unknown or missing) else f"{text}.", field=field)
