"""Tools: that calls run side by side, and that one which burns CPU leaves other streams alone."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from typing import Any

from benchmarks import cores
from benchmarks.measure import Load, client, stream
from benchmarks.row import Row, at_most
from benchmarks.servers import AGENTS_SDK, OURS, PYDANTIC, Laboratory, Server
from tests.processes import ROOT

GOAL = "Tools"
CALLS, PAUSE_MS, BURN_MS = 8, 100, 1500
MS = 1000


def script(name: str, arguments: dict[str, int], calls: int) -> str:
    """A message which makes the model call a tool so often in one turn, and then say one token."""
    turn: list[dict[str, Any]] = [
        {"call": name, "arguments": arguments, "id": f"call_{number}", "index": number} for number in range(calls)
    ]
    finish = [{"finish": "tool_calls"}, {"usage": [1, 1]}, {"done": True}]
    return json.dumps({"turns": [[*turn, *finish], [{"text": "t0 "}, {"finish": "stop"}, {"done": True}]]})


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    whole: dict[str, list[float]] = {}
    with lab.serve(*((OURS,) if quick else (OURS, PYDANTIC, AGENTS_SDK))) as servers:
        give_tools(servers[OURS])
        for name, server in servers.items():
            taken = [tool_round(server) for _ in range(4 if quick else 8)]
            without = stream(server, Load("burst:1", streams=1, waves=len(taken))).first_p50 * MS
            whole[name] = [each - without for each in taken[1:]]
        alone = stream(servers[OURS], Load("stamped:100:20", streams=5)).delay_max * MS
        beside = beside_a_burner(servers[OURS]) * MS
    return [
        Row(GOAL, "8 calls of 100 ms at once, over an answer without tools, ms", whole, (at_most(115),), digits=0),
        Row(GOAL, "another stream's latest token, alone, ms", {OURS: [alone]}, digits=0),
        Row(GOAL, "– beside a tool that burns CPU, later by, ms", {OURS: [beside - alone]}, (at_most(50),), digits=0),
    ]


def give_tools(server: Server) -> None:
    body = json.dumps({"tools": ["pause", "burn"], "max_parallel_tools": CALLS}).encode()
    kind = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(server.url("/agents/default"), body, kind, method="PATCH")).close()


def tool_round(server: Server) -> float:
    """Milliseconds from the request to the first token after the tools."""
    message = script("pause", {"milliseconds": PAUSE_MS}, CALLS)
    body = json.dumps(server.body(message))
    seen = client("load", [server.url(), body, "burst:1", "--streams", "1"], server)
    return float(seen["first_p50"]) * MS


def beside_a_burner(server: Server) -> float:
    """Seconds from the sending of the latest token to its coming, of streams beside a tool that is busy meanwhile."""
    message = script("burn", {"milliseconds": BURN_MS}, 1)
    burning = start_load(server, [json.dumps(server.body(message)), "burst:1", "--streams", "1"])
    try:
        return stream(server, Load("stamped:60:20", streams=5)).delay_max
    finally:
        burning.wait(30)


def start_load(server: Server, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
    command = cores.pinned([sys.executable, "-m", "benchmarks.load", server.url(), *arguments], cores.for_others())
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
