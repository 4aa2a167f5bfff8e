"""Tool calls, put together from the pieces in which providers stream them. Pure: no I/O, and no input makes it raise
anything but ModelError for arguments without bound.
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agents.errors import ErrorCode, ModelError
from agents.limits import Limits
from agents.messages import ToolCall

MAX_ARGUMENT_CHARS = 2 * 1024 * 1024
SLOT_CHARS = 64  # what an empty call counts towards the limit
EXCERPT_CHARS = 200
LONGEST_ID = 128  # characters; a longer id gets one of ours, which the provider then reads in both places
MAX_GLUED = 64
SPACE = re.compile(r"\s*")
OURS = frozenset({"index", "id", "type", "function"})


class Slot:
    """One call that is being put together."""

    __slots__ = ("extra", "id", "name", "size", "text_parts")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name: str | None = None
        self.text_parts: list[str] = []
        self.size = 0
        self.extra: dict[str, Any] = {}

    @property
    def arguments(self) -> str:
        return "".join(self.text_parts)

    def is_open(self) -> bool:
        """Whether the arguments are not (yet) a whole object."""
        return not (self.text_parts and self.text_parts[-1].rstrip().endswith("}") and is_object(self.arguments))

    def takes(self, call_id: str | None, name: str | None, *, numbered: bool) -> bool:
        """Whether a piece with this id and name goes on with this call, rather than starting another one."""
        other_id = bool(call_id and self.id and call_id != self.id)
        if name and self.name:
            # Without an index a name starts a call, unless the arguments of the same name are half-way.
            return name == self.name and not other_id and (numbered or (self.size > 0 and self.is_open()))
        if other_id:
            return bool(self.name) and not name and self.is_open()  # an id that changes with every piece
        return True

    def append(self, text: str) -> None:
        """Add a piece of the arguments; a repeat of the whole, once it is an object, is ignored."""
        if len(text) == self.size and text == self.arguments and is_object(text):
            return
        if text:
            self.text_parts.append(text)
            self.size += len(text)


class ToolCallAccumulator:
    """Collects the `tool_calls` pieces of one turn."""

    __slots__ = ("_by_id", "_by_index", "_limit", "_limits", "_size", "_slots")

    def __init__(self, *, limit: int = MAX_ARGUMENT_CHARS, limits: Limits | None = None) -> None:
        self._limits = limits
        self._limit = max(limit, limits.max_tool_argument_chars) if limits else limit
        self._slots: list[Slot] = []
        self._by_index: dict[Any, Slot] = {}
        self._by_id: dict[str, Slot] = {}
        self._size = 0

    def add(self, piece: Mapping[str, Any]) -> None:
        """Take one element of `delta.tool_calls`. Raises ModelError when the arguments grow beyond the limit."""
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        call_id, name = _label(piece.get("id")), _label(function.get("name"))
        arguments, extra = _arguments(function.get("arguments")), _extra(piece, function)
        if not (call_id or name or arguments or extra):
            return
        index = piece.get("index")
        index = index if isinstance(index, int | str) else None
        slot = self._choose(index, call_id, name) or self._open()
        slot.id, slot.name = slot.id or call_id, slot.name or name
        slot.append(arguments)
        if self._limits:
            self._limits.check_arguments(slot.size)
        slot.extra |= extra
        if index is not None:
            self._by_index[index] = slot
        if slot.id:
            self._by_id.setdefault(slot.id, slot)
        self._count(len(arguments))

    def finish(self, *, cut: bool = False, taken: Iterable[str] = ()) -> tuple[ToolCall, ...]:
        """Return the calls. `cut`: the answer met its length limit. `taken`: ids that earlier calls have."""
        slots = [slot for slot in self._slots if slot.name]
        ids = set(taken)
        calls: list[ToolCall] = []
        for slot in slots:
            texts, problem = _read(slot, cut=cut, last=slot is slots[-1])
            call_id = slot.id
            for text in texts:
                if not call_id or call_id in ids or len(call_id) > LONGEST_ID:
                    call_id = f"call_{uuid.uuid4().hex[:24]}"
                ids.add(call_id)
                calls.append(ToolCall(call_id, str(slot.name), text, problem, slot.extra or None))
        return tuple(calls)

    def _choose(self, index: Any, call_id: str | None, name: str | None) -> Slot | None:
        """Return the call that a piece belongs to, or None for a new one."""
        slot = self._by_index.get(index)
        if slot:
            return slot if slot.takes(call_id, name, numbered=True) else None
        slot = self._by_id.get(call_id or "")
        if slot:  # a name on an index of its own is another call with the same id
            repeat = index is None and name == slot.name
            return slot if repeat or not (name and slot.name) else None
        if index is not None or not self._slots:
            return None
        return self._slots[-1] if self._slots[-1].takes(call_id, name, numbered=False) else None

    def _open(self) -> Slot:
        self._slots.append(Slot())
        if self._limits:
            self._limits.check_calls(len(self._slots))
        self._count(SLOT_CHARS)
        return self._slots[-1]

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            raise ModelError(ErrorCode.MODEL_ERROR, "The model's tool calls are too large. Ask for less at a time.")


def is_object(text: str) -> bool:
    """Whether the text is one JSON object."""
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        return False


def _read(slot: Slot, *, cut: bool, last: bool) -> tuple[list[str], str | None]:
    """Return the arguments of each call in a slot, and why they cannot be used."""
    text = slot.arguments.strip()
    if cut and last and not text:
        return ["{}"], _cut(slot)
    if not text:
        return ["{}"], None
    objects = [text] if is_object(text) else _glued(text)
    if objects:
        return objects, None
    if cut and last:
        return ["{}"], _cut(slot)
    excerpt = text if len(text) <= EXCERPT_CHARS else text[:EXCERPT_CHARS] + "…"
    return ["{}"], f"The arguments of {slot.name!r} are not one valid JSON object: {excerpt}"


def _cut(slot: Slot) -> str:
    return f"The answer met its length limit before the arguments of {slot.name!r} were complete. Write less at a time."


def _glued(text: str) -> list[str]:
    """Split objects that follow one another; an empty list if anything else is among them."""
    decoder, objects, start = json.JSONDecoder(), [], 0
    while start < len(text):
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return []
        objects.append(text[start:end])
        start = SPACE.match(text, end).end()  # type: ignore[union-attr]  # it matches nothing, too
    if len(objects) > MAX_GLUED or not all(is_object(item) for item in objects):
        return []
    return [item for item in objects if item.strip("{} \t\r\n")] or objects[:1]  # some providers open with a lone {}


def _label(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None


def _arguments(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _extra(piece: Mapping[str, Any], function: Mapping[str, Any]) -> dict[str, Any]:
    extra = {key: value for key, value in piece.items() if key not in OURS and value is not None}
    inner = {key: value for key, value in function.items() if key not in {"name", "arguments"} and value is not None}
    return extra | ({"function": inner} if inner else {})
