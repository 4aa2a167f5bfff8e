"""The steps of a scripted provider, and the scenarios that a request can ask for by name.

Steps: bytes are sent as they are (inside the HTTP chunking); a dict is one of
`{"text": "…"}` or `{"text": ["…", …]}` (one event each), `{"reasoning": "…"}`, `{"tool_calls": [raw delta, …]}`,
`{"call": name, "arguments": {…}, "id": "…", "index": 0}`, `{"finish": "stop"}`, `{"usage": [input, output]}`,
`{"chunk": any JSON}`, `{"raw": "text sent as it is"}`, `{"done": true}`, `{"delay": seconds}`, `{"stall": true}`,
`{"cut": "rst" | "fin"}`, `{"pace": [steps], "every": seconds}`,
`{"status": 429, "headers": {…}, "body": JSON or text}`.
"""

import json
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Step = bytes | Mapping[str, Any]
Script = list[Step]

FRAMED = b"\x00framed"  # what follows is framed already
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


def event(value: Any) -> bytes:
    """One Server-Sent Event with a JSON value (or a text as it is)."""
    return b"data: " + (value if isinstance(value, str) else json.dumps(value)).encode() + b"\n\n"


def chunk(delta: Any, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk as OpenAI sends it."""
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion.chunk",
        "created": 1735689600,
        "model": "scripted",
        "system_fingerprint": "fp_scripted",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        **fields,
    }


def call(step: Mapping[str, Any]) -> bytes:
    index, arguments = step.get("index", 0), step.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    function = {"name": step["call"], "arguments": text}
    delta = {"index": index, "id": step.get("id", f"call_{index}"), "type": "function", "function": function}
    return event(chunk({"tool_calls": [delta]}))


def text(step: Mapping[str, Any]) -> bytes:
    texts = [step["text"]] if isinstance(step["text"], str) else step["text"]
    return b"".join(event(chunk({"content": text})) for text in texts)


def usage(step: Mapping[str, Any]) -> bytes:
    sent, received = step["usage"]
    counts = {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}
    return event({**chunk({}), "choices": [], "usage": counts})


EVENTS: dict[str, Callable[[Mapping[str, Any]], bytes]] = {
    "text": text,
    "call": call,
    "usage": usage,
    "reasoning": lambda step: event(chunk({"reasoning_content": step["reasoning"]})),
    "tool_calls": lambda step: event(chunk({"tool_calls": step["tool_calls"]})),
    "finish": lambda step: event(chunk({}, step["finish"])),
    "chunk": lambda step: event(step["chunk"]),
    "raw": lambda step: str(step["raw"]).encode(),
    "done": lambda _: event("[DONE]"),
}


def payload(step: Mapping[str, Any]) -> bytes:
    """The bytes of the events that a step sends."""
    return EVENTS[next(iter(step))](step)


def encode(step: Step) -> bytes:
    """A step as it goes over the wire: one HTTP chunk, or a whole response for a status."""
    if isinstance(step, bytes) and step.startswith(FRAMED):
        return step[len(FRAMED) :]
    if not isinstance(step, bytes) and "status" in step:
        return response(step)
    data = step if isinstance(step, bytes) else payload(step)
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


def framed(step: Step) -> bytes:
    """Encode a step ahead of time."""
    return FRAMED + encode(step)


def response(step: Mapping[str, Any]) -> bytes:
    body = step.get("body", {"error": {"message": "scripted failure", "type": "scripted", "param": None, "code": None}})
    body = body.encode() if isinstance(body, str) else body
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": len(data), **step.get("headers", {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {step['status']} {REASONS.get(step['status'], 'Status')}\r\n{lines}\r\n".encode() + data


@lru_cache(maxsize=64)
def tokens(count: int) -> tuple[bytes, ...]:
    return tuple(framed({"text": f"t{number} "}) for number in range(count))


def ending(count: int) -> Script:
    return [{"finish": "stop"}, {"usage": [10, count]}, {"done": True}]


def paced(count: str = "50", milliseconds: str = "20") -> Script:
    """`paced:50:20`: 50 tokens, one every 20 ms."""
    return [{"pace": tokens(int(count)), "every": float(milliseconds) / 1000}, *ending(int(count))]


def stamped(count: str = "50", milliseconds: str = "20") -> Script:
    """Like paced, but each token is the monotonic time of its sending: `<123.456789> `."""

    def stamp() -> Step:
        return {"text": f"<{time.monotonic():.6f}> "}

    return [{"pace": [stamp] * int(count), "every": float(milliseconds) / 1000}, *ending(int(count))]


def burst(count: str = "1000") -> Script:
    """`burst:1000`: 1000 tokens, as fast as the socket takes them."""
    data = payload({"text": [f"t{number} " for number in range(int(count))]})
    return [data, *ending(int(count))]


def stall(count: str = "0") -> Script:
    """`stall:3`: 3 tokens, then silence."""
    return [*tokens(int(count)), {"stall": True}]


def cut(count: str = "3", kind: str = "rst") -> Script:
    """`cut:3:fin`: 3 tokens, then the connection ends."""
    return [*tokens(int(count)), {"delay": 0.02}, {"cut": kind}]


def status(code: str = "500", retry_after: str = "") -> Script:
    """`status:429:1`: an HTTP error, with Retry-After."""
    return [{"status": int(code), "headers": {"Retry-After": retry_after} if retry_after else {}}]


def say(*texts: str) -> Script:
    """`say:Hello`: that text, word by word."""
    words = ":".join(texts).split(" ")
    return [{"text": [word + " " for word in words[:-1]] + words[-1:]}, *ending(len(words))]


def arguments(count: str = "1000000") -> Script:
    """`arguments:1000000`: one tool call whose arguments go on for so many characters, ten thousand at a time."""
    more = framed({"tool_calls": [{"index": 0, "function": {"arguments": "x" * 10_000}}]})
    return [{"call": "calculate", "arguments": '{"expression": "'}, *[more] * (int(count) // 10_000), *ending(1)]


def calls(count: str = "1000") -> Script:
    """`calls:1000`: one turn with so many tool calls."""
    name = "calculate"
    asked = [
        framed({"call": name, "arguments": {"expression": "1"}, "index": index, "id": f"c{index}"})
        for index in range(int(count))
    ]
    return [*asked, {"finish": "tool_calls"}, {"usage": [10, 5]}, {"done": True}]


SCENARIOS: dict[str, Callable[..., Script]] = {
    "paced": paced,
    "stamped": stamped,
    "burst": burst,
    "stall": stall,
    "cut": cut,
    "status": status,
    "say": say,
    "arguments": arguments,
    "calls": calls,
}


def scripted(body: Mapping[str, Any], attempt: int = 0) -> Script:
    """Find the script of a request: in its last user message, else in its model name.

    Either is a scenario (`paced:50:20`), or JSON: a list of steps; `{"turns": [[steps], [steps]]}`, of which each turn
    since the message takes the next; or `{"attempts": [[steps], [steps]]}`, of which each repeat of the same request
    (`attempt` 0, 1, …) takes the next. The last one repeats. Anything else is answered with a greeting.
    """
    messages = body.get("messages", [])
    user = max((number for number, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    turn = sum(message.get("role") == "assistant" for message in messages[user + 1 :])
    asked = str(messages[user].get("content")) if user >= 0 else ""
    for told in (asked, str(body.get("model", ""))):
        script = _parse(told.strip(), turn, attempt)
        if script is not None:
            return script
    return say("Hello from the scripted provider.")


def _parse(told: str, turn: int, attempt: int) -> Script | None:
    if told[:1] in ("[", "{"):
        try:
            return _chosen(json.loads(told), turn, attempt)
        except ValueError:
            return None
    name, *arguments = told.split(":")
    return SCENARIOS[name](*arguments) if name in SCENARIOS else None


def _chosen(value: Any, turn: int, attempt: int) -> Script | None:
    match value:
        case {"turns": [*scripts]}:
            return scripts[min(turn, len(scripts) - 1)]
        case {"attempts": [*scripts]}:
            return scripts[min(attempt, len(scripts) - 1)]
        case [*steps]:
            return steps
    return None
