"""Whether a token costs the same in a long answer, after a long history, and in a full database."""

import json
import subprocess
import time

import psutil

from benchmarks.filled import fill
from benchmarks.measure import cpu_of, measure
from benchmarks.row import Row, at_most
from benchmarks.servers import OURS, Laboratory, Server
from benchmarks.side_by_side import start_load
from benchmarks.tokens import PACED, WARM_UP

GOAL = "Growth"
STREAMS = 5
LONG, SHORT = 20_000, 4_000  # tokens of an answer, one each millisecond
EARLY, LATE = (1.5, 3.5), (LONG / 1000 - 3.5, LONG / 1000 - 1.5)  # seconds of the stream between which CPU is read
MESSAGES = 500
EVENTS = 1_000_000
STARTS = 10
ROUNDS = 1
FLAT = at_most(1.15)


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    events = 10_000 if quick else EVENTS
    return [*answers(lab), *histories(lab), full_database(lab, events)]


def answers(lab: Laboratory) -> list[Row]:
    with lab.serve(OURS) as servers:
        server = servers[OURS]
        measure(server, WARM_UP[0])
        early, late = cpu_while(server, [server.body(f"paced:{LONG}:1")] * STREAMS, EARLY, LATE)
    return [
        Row(GOAL, "the last of 20,000 tokens against the first: CPU, ratio", {OURS: [late / early]}, (FLAT,), digits=2)
    ]


def histories(lab: Laboratory) -> list[Row]:
    """Answers in conversations that are new, and in others that have a history."""
    database = lab.database()
    short, long = (fill(lab, database, "history", count, STREAMS).split() for count in (0, MESSAGES))
    server = lab.ours(database)
    with lab.serving(server):
        measure(server, WARM_UP[0])
        message: dict[str, object] = {"message": f"paced:{SHORT}:1"}
        new, old = (
            cpu_while(server, [message | {"conversation_id": each} for each in conversations], EARLY)[0]
            for conversations in (short, long)
        )
        more = [fill(lab, database, "history", count, 1).strip() for count in (0, MESSAGES)]
        starts = [start_cost(server, conversation) for conversation in more]
    return [
        Row(GOAL, f"after {MESSAGES} messages against none: CPU per token, ratio", {OURS: [old / new]}, (FLAT,), 2),
        Row(GOAL, "– a start there takes more, ms of CPU", {OURS: [(starts[1] - starts[0]) * 1000]}),
    ]


def cpu_while(server: Server, bodies: list[dict[str, object]], *spans: tuple[float, float]) -> list[float]:
    """CPU seconds that the server spends between these seconds of streams that all begin now."""
    process = psutil.Process(server.process.pid)
    loads = [start_load(server, [json.dumps(body), str(body["message"]), "--streams", "1"]) for body in bodies]
    begun, spent = time.monotonic(), []
    try:
        for start, end in spans:
            time.sleep(max(0.0, begun + start - time.monotonic()))
            before, at = cpu_of(process)[0], time.monotonic()
            time.sleep(max(0.0, begun + end - time.monotonic()))
            spent.append((cpu_of(process)[0] - before) / (time.monotonic() - at))
    finally:
        for load in loads:
            wait(load)
    return spent


def wait(load: "subprocess.Popen[bytes]") -> None:
    assert load.wait(60) == 0, "a stream broke off"


def start_cost(server: Server, conversation: str) -> float:
    """CPU seconds of a run in that conversation that says one token."""
    process = psutil.Process(server.process.pid)
    before = cpu_of(process)[0]
    for _ in range(STARTS):
        body = {"message": "burst:1", "conversation_id": conversation}
        wait(start_load(server, [json.dumps(body), "burst:1", "--streams", "1"]))
    return (cpu_of(process)[0] - before) / STARTS


def full_database(lab: Laboratory, events: int) -> Row:
    """A database that holds so many events against an empty one, in turns."""
    empty, full = lab.database(), lab.database()
    fill(lab, full, "events", events)
    servers = [lab.ours(empty), lab.ours(full)]
    with lab.serving(*servers):
        for server in servers:
            measure(server, WARM_UP[0])
        ratios = []
        for _ in range(ROUNDS):
            before, after = (measure(server, PACED).cpu_per_token for server in servers)
            ratios.append(after / before)
    return Row(GOAL, f"in a database of {events:,} events: CPU per token, ratio", {OURS: ratios}, (FLAT,), digits=2)
