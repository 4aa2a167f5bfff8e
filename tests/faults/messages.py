"""Messages that script the provider (see tests.provider_script). The tag tells the requests of a run in its log."""

import json
from typing import Any

Step = dict[str, Any]


def ending(count: int) -> list[Step]:
    return [{"finish": "stop"}, {"usage": [10, count]}, {"done": True}]


def words(tag: str, count: int, milliseconds: float) -> list[Step]:
    """A turn of so many words, one every so many milliseconds."""
    pieces = [{"text": f"{tag}.{number} "} for number in range(count)]
    return [{"pace": pieces, "every": milliseconds / 1000}, *ending(count)]


def paced(tag: str, count: int = 50, milliseconds: float = 30) -> str:
    return json.dumps(words(tag, count, milliseconds))


def stalled(tag: str) -> str:
    """A few words, then silence."""
    return json.dumps([{"text": [f"{tag} ", "and ", "then "]}, {"stall": True}])


def silent(tag: str) -> str:
    """Not even a first word."""
    return json.dumps([{"delay": 600}, {"text": tag}])


def calls(*wanted: tuple[str, dict[str, Any]]) -> list[Step]:
    """A turn that asks for these tools, with the ids c0, c1 …"""
    asked = [
        {"call": name, "arguments": arguments, "index": index, "id": f"c{index}"}
        for index, (name, arguments) in enumerate(wanted)
    ]
    return [*asked, {"finish": "tool_calls"}, {"usage": [10, 5]}, {"done": True}]


def turns(*turns: list[Step]) -> str:
    return json.dumps({"turns": turns})


def attempts(*attempts: list[Step]) -> str:
    """Each repeat of the same request takes the next."""
    return json.dumps({"attempts": attempts})
