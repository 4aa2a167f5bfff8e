"""Reading a long run again: how soon, how fast, and what others notice of it."""

import subprocess
import sys

from benchmarks import cores
from benchmarks.filled import fill
from benchmarks.measure import call
from benchmarks.row import Row, at_most
from benchmarks.servers import OURS, Laboratory, Server
from tests.processes import ROOT

GOAL = "Replay"
EVENTS, READERS = 20_000, 20
MS = 1000


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    database = lab.database()
    run = fill(lab, database, "run", EVENTS).strip()
    server = lab.ours(database)
    with lab.serving(server):
        path = f"/runs/{run}/events"
        call(server, path, callers=1, requests=1)
        one = call(server, path, callers=1, requests=5 if quick else 10)
        quiet = call(server, "/health", callers=1, requests=100)
        busy = health_beside_readers(server, path)
    return [
        Row(GOAL, "a run of 20,000 events, first byte, ms", {OURS: [one.first_byte_p50 * MS]}, (at_most(50),)),
        Row(GOAL, "– whole, ms", {OURS: [one.p50 * MS]}, (at_most(500),), digits=0),
        Row(GOAL, "`/health` alone, p99, ms", {OURS: [quiet.p99 * MS]}),
        Row(GOAL, "– beside 20 such readers, p99, ms", {OURS: [busy * MS]}, (at_most(50),)),
    ]


def health_beside_readers(server: Server, path: str) -> float:
    """Seconds that 99 of 100 calls take at most while so many read."""
    numbers = ["--callers", str(READERS), "--requests", "100000"]
    command = [sys.executable, "-m", "benchmarks.callers", server.url(path), "", *numbers]
    readers = subprocess.Popen(
        cores.pinned(command, cores.for_others()), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        call(server, "/health", callers=1, requests=10)
        seen = call(server, "/health", callers=1, requests=60).p99
        assert readers.poll() is None, "the readers have stopped too early"
        return seen
    finally:
        readers.kill()
        readers.wait()
