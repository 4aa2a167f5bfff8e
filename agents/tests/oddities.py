"""The ways in which providers send tool calls. Names and issue numbers: who was reported to send what."""

import json
from typing import Any

from agents.messages import ToolCall


def piece(name: str | None = None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {**fields, "function": {key: value for key, value in function.items() if value is not None}}


def told(calls: tuple[ToolCall, ...]) -> list[tuple[str, Any]]:
    assert not [call.problem for call in calls if call.problem]
    return [(call.name, json.loads(call.arguments)) for call in calls]


PARIS, ROME = '{"city": "Paris"}', '{"city": "Rome"}'
TWO = [("weather", {"city": "Paris"}), ("weather", {"city": "Rome"})]
ONE = TWO[:1]
ODDITIES: dict[str, tuple[list[dict[str, Any]], list[tuple[str, Any]]]] = {
    "as OpenAI sends them": (
        [
            piece("weather", "", index=0, id="a", type="function"),
            piece(None, PARIS[:9], index=0),
            piece(None, PARIS[9:], index=0),
            piece("weather", "", index=1, id="b", type="function"),
            piece(None, ROME, index=1),
        ],
        TWO,
    ),
    "pieces of parallel calls in turns": (
        [
            piece("weather", "", index=0, id="a"),
            piece("weather", "", index=1, id="b"),
            piece(None, PARIS[:9], index=0),
            piece(None, ROME[:9], index=1),
            piece(None, PARIS[9:], index=0),
            piece(None, ROME[9:], index=1),
        ],
        TWO,
    ),
    "no index, whole calls (Ollama before 0.5)": (
        [piece("weather", PARIS, id="a"), piece("weather", ROME, id="b")],
        TWO,
    ),
    "neither index nor id": ([piece("weather", PARIS), piece("weather", ROME)], TWO),
    "no index, pieces after the name": (
        [piece("weather", ""), piece(None, PARIS[:5]), piece(None, PARIS[5:]), piece("weather", ROME)],
        TWO,
    ),
    "no index, pieces found by id": (
        [
            piece("weather", "", id="a"),
            piece("weather", "", id="b"),
            piece(None, PARIS, id="a"),
            piece(None, ROME, id="b"),
        ],
        TWO,
    ),
    "no index, the id after the name": ([piece("weather"), piece(None, PARIS, id="a")], ONE),
    "no index, the name repeated while the arguments are half-way": (
        [piece("weather", PARIS[:7]), piece("weather", PARIS[7:])],
        ONE,
    ),
    "every call at index 0 with another id (Gemini)": (
        [piece("weather", PARIS, index=0, id="a"), piece("weather", ROME, index=0, id="b")],
        TWO,
    ),
    "every call at index 0 without an id": (
        [piece("weather", PARIS, index=0), piece("time", '{"zone": "UTC"}', index=0)],
        [*ONE, ("time", {"zone": "UTC"})],
    ),
    "the name after the arguments (SGLang)": (
        [
            piece(None, PARIS, index=0, id="a"),
            piece("weather", None, index=0),
            piece(None, ROME, index=1),
            piece("weather", None, index=1),
        ],
        TWO,
    ),
    "no index, the name after the arguments": ([piece(None, PARIS), piece("weather")], ONE),
    "id, type and name on every piece (vLLM)": (
        [piece("weather", part, index=0, id="a", type="function") for part in (PARIS[:4], PARIS[4:9], PARIS[9:])],
        ONE,
    ),
    "id and name on every piece, without an index": (
        [piece("weather", part, id="a") for part in (PARIS[:4], PARIS[4:9], PARIS[9:])],
        ONE,
    ),
    "an id that changes with every piece": (
        [
            piece("weather", "", index=0, id="a"),
            piece(None, PARIS[:6], index=0, id="b"),
            piece(None, PARIS[6:], index=0, id="c"),
        ],
        ONE,
    ),
    "the same id on two indexes": (
        [piece("weather", PARIS, index=0, id="a"), piece("weather", ROME, index=1, id="a")],
        TWO,
    ),
    "an index that moves while the id stays": (
        [piece("weather", "", index=0, id="a"), piece(None, PARIS, index=1, id="a")],
        ONE,
    ),
    "an index that is text": ([piece("weather", "", index="0"), piece(None, PARIS, index="0")], ONE),
    "a ghost with an empty id (vLLM 18412)": ([piece("weather", PARIS, index=0, id="a"), {"id": "", "index": 1}], ONE),
    "a ghost that never gets a name": ([piece("weather", PARIS, index=0), piece(None, "{}", index=1, id="b")], ONE),
    "arguments as an object": ([piece("weather", {"city": "Paris"}, index=0)], ONE),
    "arguments never sent": ([piece("now", None, index=0, id="a")], [("now", {})]),
    "arguments empty or blank": (
        [piece("now", "", index=0), piece("later", " \n", index=1)],
        [("now", {}), ("later", {})],
    ),
    "the whole arguments twice": ([piece("weather", PARIS, index=0, id="a"), piece(None, PARIS, index=0)], ONE),
    "objects glued together": ([piece("weather", PARIS + ROME, index=0, id="a")], TWO),
    "objects glued together with space between": ([piece("weather", f"{PARIS}\n {ROME} ", index=0)], TWO),
    "a lone {} before the arguments": ([piece("weather", "{}", index=0), piece(None, PARIS, index=0)], ONE),
    "nothing but several {}": ([piece("now", "{}{ }", index=0)], [("now", {})]),
    "an invented name": ([piece("multi_tool_use.parallel", "{}", index=0)], [("multi_tool_use.parallel", {})]),
    "a function that is null": ([{"index": 0, "id": "a", "function": None}, piece("weather", PARIS, index=0)], ONE),
    "an id that is a number": ([piece("weather", PARIS[:3], id=7), piece(None, PARIS[3:], id=7)], ONE),
}
