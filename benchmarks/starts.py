"""How many runs a second one core accepts, stores and ends, of a model that answers at once."""

import time

import psutil

from benchmarks.measure import call, cpu_of
from benchmarks.rounds import rounds
from benchmarks.row import Row, at_least
from benchmarks.servers import OURS, PLAIN, Laboratory, Server

GOAL = "Starts"
CALLERS, REQUESTS = 32, 800
ROUNDS, SECONDS = 3, 30


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    count, requests = (1, 300) if quick else (ROUNDS, REQUESTS)
    rate: dict[str, list[float]] = {}
    cost: dict[str, list[float]] = {}
    wait: dict[str, list[float]] = {}
    with lab.serve(OURS, PLAIN) as servers:
        for server in servers.values():
            call(server, "/chat", "burst:1", callers=CALLERS, requests=100)
        for _ in rounds(count, seconds=SECONDS):
            for name, server in servers.items():
                for values, value in zip((rate, cost, wait), ask(server, requests), strict=True):
                    values.setdefault(name, []).append(value)
    return [
        Row(GOAL, "`POST /chat` per second, on one core", rate, (at_least(1, PLAIN),), digits=0),
        Row(GOAL, "CPU of one, ms", cost, digits=2),
        Row(GOAL, "32 callers wait, p99, ms", wait, digits=0),
    ]


def ask(server: Server, requests: int) -> tuple[float, float, float]:
    """Answers per second, milliseconds of CPU of each, and how long 99 of 100 took at most, in milliseconds."""
    process = psutil.Process(server.process.pid)
    before = cpu_of(process)[0]
    calls = call(server, "/chat", "burst:1", callers=CALLERS, requests=requests)
    time.sleep(0.2)
    return calls.per_second, (cpu_of(process)[0] - before) / requests * 1000, calls.p99 * 1000
