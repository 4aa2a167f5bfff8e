"""Messages that tell the scripted provider what to answer: see tests.provider_script."""

import json
from typing import Any

Step = dict[str, Any]


def script(*steps: Step) -> str:
    return json.dumps(steps)


def turns(*turns: list[Step]) -> str:
    """One list of steps for each turn of the model; the last one repeats."""
    return json.dumps({"turns": turns})


def says(text: str, *, finish: str = "stop") -> list[Step]:
    return [{"text": text}, {"finish": finish}, {"usage": [10, 5]}, {"done": True}]


def calls(*wanted: tuple[str, dict[str, Any]], text: str = "") -> list[Step]:
    """A turn that asks for these tools, with the ids c0, c1 …"""
    steps: list[Step] = [{"text": text}] if text else []
    for index, (name, arguments) in enumerate(wanted):
        steps.append({"call": name, "arguments": arguments, "index": index, "id": f"c{index}"})
    return [*steps, {"finish": "tool_calls"}, {"usage": [10, 5]}, {"done": True}]


def uses(*wanted: tuple[str, dict[str, Any]], then: str = "Done.") -> str:
    """A message that leads to one round of tool calls, and then to that answer."""
    return turns(calls(*wanted), says(then))
