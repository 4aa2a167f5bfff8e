"""Whether a token costs the same in a long answer, after a long history, and in a full database.

Two servers say the same at the same time on the same core, one of them under the condition: what disturbs the machine
disturbs both.
"""

import json
import subprocess
import time
from dataclasses import dataclass

import psutil

from benchmarks.filled import fill
from benchmarks.measure import cpu_seconds, measure
from benchmarks.row import Row, at_most
from benchmarks.servers import OURS, Laboratory, Server
from benchmarks.side_by_side import start_load
from benchmarks.tokens import WARM_UP

GOAL = "Growth"
STREAMS = 5
LONG, SHORT = 20_000, 4_000  # tokens of an answer, one each millisecond
SPAN = 1.5, 3.5  # seconds of a short answer between which CPU is read
MESSAGES = 500
EVENTS = 1_000_000
PACED, PACED_STREAMS = "paced:300:20", 40
STARTS = 10
FLAT = at_most(1.15)


@dataclass(frozen=True)
class Part:
    """What one of the servers is asked, `begin` seconds after the other one."""

    server: Server
    bodies: list[dict[str, object]]
    begin: float = 0.0
    streams: int = 1  # of each


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    events = 10_000 if quick else EVENTS
    return [answers(lab), *histories(lab), full_database(lab, events)]


def answers(lab: Laboratory) -> Row:
    """The end of long answers beside the beginning of others."""
    servers = [lab.ours(lab.database()) for _ in range(2)]
    begin = (LONG - SHORT) / 1000
    with lab.serving(*servers):
        for server in servers:
            measure(server, WARM_UP[0])
        late, early = cpu_of_both(
            Part(servers[0], [servers[0].body(f"paced:{LONG}:1")] * STREAMS),
            Part(servers[1], [servers[1].body(f"paced:{SHORT}:1")] * STREAMS, begin),
            between=(begin + SPAN[0], begin + SPAN[1]),
        )
    title = f"the last of {LONG:,} tokens against the first: CPU, ratio"
    return Row(GOAL, title, {OURS: [late / early]}, (FLAT,), digits=2)


def histories(lab: Laboratory) -> list[Row]:
    """Answers in conversations that have a history beside others in new ones."""
    databases = [lab.database() for _ in range(2)]
    conversations = [
        fill(lab, database, "history", count, STREAMS + 1).split()
        for database, count in zip(databases, (MESSAGES, 0), strict=True)
    ]
    servers = [lab.ours(database) for database in databases]
    message: dict[str, object] = {"message": f"paced:{SHORT}:1"}
    with lab.serving(*servers):
        for server in servers:
            measure(server, WARM_UP[0])
        parts = [
            Part(server, [message | {"conversation_id": each} for each in some[:STREAMS]])
            for server, some in zip(servers, conversations, strict=True)
        ]
        old, new = cpu_of_both(*parts, between=SPAN)
        starts = [start_cost(server, some[-1]) for server, some in zip(servers, conversations, strict=True)]
    return [
        Row(GOAL, f"after {MESSAGES} messages against none: CPU per token, ratio", {OURS: [old / new]}, (FLAT,), 2),
        Row(GOAL, "– a start there takes more, ms of CPU", {OURS: [(starts[0] - starts[1]) * 1000]}),
    ]


def full_database(lab: Laboratory, events: int) -> Row:
    """A database that holds so many events beside an empty one, with the starts and the ends of the runs."""
    full, empty = lab.database(), lab.database()
    fill(lab, full, "events", events)
    servers = [lab.ours(full), lab.ours(empty)]
    with lab.serving(*servers):
        for server in servers:
            measure(server, WARM_UP[0])
        parts = [Part(server, [server.body(PACED)], streams=PACED_STREAMS) for server in servers]
        after, before = cpu_of_both(*parts)
    title = f"in a database of {events:,} events: CPU per token, ratio"
    return Row(GOAL, title, {OURS: [after / before]}, (FLAT,), digits=2)


def cpu_of_both(first: Part, second: Part, *, between: tuple[float, float] | None = None) -> list[float]:
    """CPU seconds of each server between these seconds after the first one was asked, or until all has come."""
    processes = [psutil.Process(part.server.process.pid) for part in (first, second)]
    begun, before = time.monotonic(), [cpu_seconds(process) for process in processes]
    loads: list[subprocess.Popen[bytes]] = []
    try:
        for part in (first, second):
            sleep_until(begun + part.begin)
            for body in part.bodies:
                asked = [json.dumps(body), str(body["message"]), "--streams", str(part.streams), "--ramp", "1"]
                loads.append(start_load(part.server, asked))
        if between:
            sleep_until(begun + between[0])
            before = [cpu_seconds(process) for process in processes]
            sleep_until(begun + between[1])
            after = [cpu_seconds(process) for process in processes]
    finally:
        for load in loads:
            wait(load)
    if not between:
        after = [cpu_seconds(process) for process in processes]
    return [late - early for late, early in zip(after, before, strict=True)]


def sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def wait(load: "subprocess.Popen[bytes]") -> None:
    assert load.wait(60) == 0, "a stream broke off"


def start_cost(server: Server, conversation: str) -> float:
    """CPU seconds of a run in that conversation that says one token, of several after each other."""
    process = psutil.Process(server.process.pid)
    before = cpu_seconds(process)
    body = {"message": "burst:1", "conversation_id": conversation}
    wait(start_load(server, [json.dumps(body), "burst:1", "--streams", "1", "--waves", str(STARTS)]))
    return (cpu_seconds(process) - before) / STARTS
