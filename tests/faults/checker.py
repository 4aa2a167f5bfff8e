"""The independent checker: from what readers received, what the API tells afterwards and what the provider was asked.

It knows the wire contract and nothing of the product's code. `broken(history)` lists, in words, what was not kept.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TERMINAL = frozenset({"chat_complete", "chat_cancelled", "error"})
RESULTS = frozenset({"tool_call_complete", "tool_call_error"})
WHOLE_TEXT = {"chat_complete": "final_response", "chat_cancelled": "partial_response"}

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """One event as a client got it: the number it came with, and its bytes."""

    seq: int
    body: bytes

    @property
    def is_terminal(self) -> bool:
        return json.loads(self.body)["event_type"] in TERMINAL


@dataclass(slots=True)
class Reading:
    """What one reader received over all its connections, which began after the cursor `after`."""

    name: str
    after: int = 0
    received: list[Received] = field(default_factory=list)

    @property
    def cursor(self) -> int:
        return self.received[-1].seq if self.received else self.after

    @property
    def has_ended(self) -> bool:
        return bool(self.received) and self.received[-1].is_terminal


@dataclass(frozen=True, slots=True)
class History:
    """A run from outside: its journal as `GET /runs/{id}/events` pages it, its readers, its provider requests."""

    journal: Sequence[bytes]
    readings: Sequence[Reading] = ()
    requests: Sequence[Mapping[str, Any]] = ()


def broken(history: History) -> list[str]:
    """What the history shows to be broken; empty where every promise was kept. Readers may have stopped early."""
    events = [json.loads(body) for body in history.journal]
    found = [*numbering(events), *ending(events), *text(events), *tools(events)]
    for reading in history.readings:
        found += [f"{reading.name}: {what}" for what in received(reading, history.journal)]
    for request in history.requests:
        found += dangling(request.get("messages", []))
    return found


def numbering(events: Sequence[Event]) -> Iterator[str]:
    for place, event in enumerate(events, 1):
        if event["seq"] != place:
            yield f"the journal holds seq {event['seq']} at place {place}"
            return


def ending(events: Sequence[Event]) -> Iterator[str]:
    """Exactly one terminal event, and nothing behind it."""
    terminal = [place for place, event in enumerate(events) if event["event_type"] in TERMINAL]
    if not terminal:
        yield "the run has no terminal event"
    if len(terminal) > 1:
        yield f"the run has {len(terminal)} terminal events"
    if terminal and terminal[0] != len(events) - 1:
        yield f"{len(events) - 1 - terminal[0]} events follow the terminal one"


def text(events: Sequence[Event]) -> Iterator[str]:
    """The chunks that stand after every discard add up to the text that the last event tells."""
    chunks: list[Event] = []
    for event in events:
        if event["event_type"] == "run_resumed":
            chunks = [chunk for chunk in chunks if chunk["seq"] <= event["discard_after_seq"]]
        elif event["event_type"] == "chat_chunk":
            chunks.append(event)
        elif event["event_type"] in WHOLE_TEXT:
            whole, told = event[WHOLE_TEXT[event["event_type"]]], "".join(chunk["content"] for chunk in chunks)
            if whole != told:
                yield f"the chunks add up to {told!r}, the last event says {whole!r}"


def tools(events: Sequence[Event]) -> Iterator[str]:
    """Each result has its start before it, each call one result at most, and a completed run leaves none open."""
    started: set[str] = set()
    ended: set[str] = set()
    for event in events:
        call = event.get("tool_call", {}).get("id", "")
        if event["event_type"] == "tool_call_start":
            if call in started:
                yield f"the tool call {call!r} was started twice"
            started.add(call)
        elif event["event_type"] in RESULTS:
            if call not in started:
                yield f"the tool call {call!r} has a result without its intent"
            if call in ended:
                yield f"the tool call {call!r} has two results"
            ended.add(call)
    if events and events[-1]["event_type"] == "chat_complete" and started - ended:
        yield f"the run completed without results of {sorted(started - ended)}"


def received(reading: Reading, journal: Sequence[bytes]) -> Iterator[str]:
    """A reader gets the events after its cursor one by one, with the bytes that the journal holds."""
    expected = reading.after
    for each in reading.received:
        expected += 1
        if each.seq > expected:
            yield f"seq {expected} to {each.seq - 1} never came"
        elif each.seq < expected:
            yield f"seq {each.seq} came after seq {expected - 1}"
        expected = each.seq
        if each.seq > len(journal) or each.seq < 1:
            yield f"seq {each.seq} is not in the journal"
        elif journal[each.seq - 1] != each.body:
            yield f"seq {each.seq} has other bytes than in the journal"


def unfinished(readings: Iterable[Reading]) -> list[str]:
    """Readers that never got a terminal event."""
    return [f"{reading.name}: stopped at seq {reading.cursor}" for reading in readings if not reading.has_ended]


def dangling(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A strict provider's rule: the results of a turn's calls follow it at once, one each, before anything else."""
    awaited: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in awaited:
                yield f"the provider was sent a result of {message['tool_call_id']!r} that nobody awaits"
            awaited.discard(message["tool_call_id"])
            continue
        if awaited:
            yield f"the provider was sent calls without results: {sorted(awaited)}"
        awaited = {call["id"] for call in message.get("tool_calls") or ()}
    if awaited:
        yield f"the provider was sent calls without results: {sorted(awaited)}"
