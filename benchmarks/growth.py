"""Whether a token costs the same in a long answer, after a long history, and in a full database.

Two servers say the same at the same time on the same core, one of them under the condition: what disturbs the machine
disturbs both.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.filled import fill
from benchmarks.measure import measure
from benchmarks.row import Row, at_most
from benchmarks.servers import OURS, Laboratory, Server
from benchmarks.side_by_side import start_load
from benchmarks.tokens import WARM_UP

GOAL = "Growth"
STREAMS = 8
LONG, SHORT = 20_000, 4_000  # tokens of an answer, one each millisecond
SPAN = 1.5, 3.5  # seconds of a short answer between which CPU is read
MESSAGES = 500
EVENTS = 1_000_000
PACED, PACED_STREAMS = "paced:300:20", 40
PACED_SPAN = 0.0, 7.5  # from before the first start until after the last end
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
        after, before = cpu_of_both(*parts, between=PACED_SPAN)
    title = f"in a database of {events:,} events: CPU per token, ratio"
    return Row(GOAL, title, {OURS: [after / before]}, (FLAT,), digits=2)


def cpu_of_both(first: Part, second: Part, *, between: tuple[float, float]) -> list[float]:
    """CPU seconds that each server spends between these seconds after the first one was asked."""
    begun = time.monotonic()
    loads: list[subprocess.Popen[bytes]] = []
    pids = [part.server.process.pid for part in (first, second)]
    before = [spent_by(pid) for pid in pids]
    try:
        for part in (first, second):
            time.sleep(max(0.0, begun + part.begin - time.monotonic()))
            for body in part.bodies:
                asked = [json.dumps(body), str(body["message"]), "--streams", str(part.streams), "--ramp", "1"]
                loads.append(start_load(part.server, asked))
        if between[0]:
            time.sleep(max(0.0, begun + between[0] - time.monotonic()))
            before = [spent_by(pid) for pid in pids]
        time.sleep(max(0.0, begun + between[1] - time.monotonic()))
        return [spent_by(pid) - spent for pid, spent in zip(pids, before, strict=True)]
    finally:
        for load in loads:
            wait(load)


def spent_by(pid: int) -> float:
    """CPU seconds of a process's living threads, as the scheduler counts them: the usual figures come in hundredths."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def wait(load: "subprocess.Popen[bytes]") -> None:
    assert load.wait(60) == 0, "a stream broke off"


def start_cost(server: Server, conversation: str) -> float:
    """CPU seconds of a run in that conversation that says one token, of several after each other."""
    before = spent_by(server.process.pid)
    body = {"message": "burst:1", "conversation_id": conversation}
    wait(start_load(server, [json.dumps(body), "burst:1", "--streams", "1", "--waves", str(STARTS)]))
    return (spent_by(server.process.pid) - before) / STARTS
