"""What a token costs: CPU, paced and in bursts."""

from collections.abc import Callable
from dataclasses import replace

from benchmarks.measure import Load, Sample, measure
from benchmarks.rounds import rounds
from benchmarks.row import Row, at_most
from benchmarks.servers import OURS, PLAIN, RELAY, RELAY_UVICORN, SERVERS, Laboratory, Server
from benchmarks.stored import check_stored

GOAL = "CPU per token"
PACED = Load("stamped:200:20", streams=100, ramp=1.0)
BURST = Load("burst:500", streams=20, waves=5)
WARM_UP = (Load("stamped:20:20", streams=20, ramp=1.0), Load("burst:100", streams=10))
LIGHT = (OURS, RELAY, RELAY_UVICORN)  # the others take ten times as long for a burst: one wave tells as much
ALWAYS = (*LIGHT, PLAIN)  # are measured in every round, because bounds compare them; the others in the first only
ROUNDS, SECONDS = 3, 120
Samples = dict[str, list[Sample]]


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    names = ALWAYS if quick else SERVERS
    with lab.serve(*names) as servers:
        for server in servers.values():
            for load in WARM_UP:
                measure(server, load)
        found = in_turns(list(servers.values()), count=1 if quick else ROUNDS)
        loads = (*WARM_UP, *(PACED, BURST) * len(found[0][OURS]))
        check_stored(servers[OURS].database, sum(load.streams * load.waves for load in loads))
    return _rows(*found)


def in_turns(servers: list[Server], *, count: int) -> tuple[Samples, Samples]:
    """Measure in turns, so that what disturbs the machine disturbs every server; each round begins with another one."""
    found: tuple[Samples, Samples] = {}, {}
    for number in rounds(count, seconds=SECONDS):
        taken = [server for server in servers if number == 0 or server.name in ALWAYS]
        first = number % len(taken)
        for server in taken[first:] + taken[:first]:
            burst = BURST if server.name in LIGHT else replace(BURST, waves=1)
            for samples, load in zip(found, (PACED, burst), strict=True):
                samples.setdefault(server.name, []).append(measure(server, load))
    return found


def _rows(paced: Samples, burst: Samples) -> list[Row]:
    def row(title: str, samples: Samples, value: Callable[[Sample], float], *bounds: object, digits: int = 1) -> Row:
        values = {name: [value(sample) for sample in taken] for name, taken in samples.items()}
        return Row(GOAL, title, values, bounds, digits)  # type: ignore[arg-type]

    return [
        row("paced, µs", paced, lambda sample: sample.cpu_per_token, at_most(1 / 3, PLAIN), at_most(1.3, RELAY)),
        row("– of it in threads, µs", paced, lambda sample: sample.threads_per_token),
        row("burst, µs", burst, lambda sample: sample.cpu_per_token, at_most(1 / 10, PLAIN)),
        row("– of it in threads, µs", burst, lambda sample: sample.threads_per_token),
        row("burst, tokens per second", burst, lambda sample: sample.outcome.tokens / sample.outcome.seconds, digits=0),
        row("paced, from sending to coming, p50, ms", paced, lambda sample: sample.outcome.delay_p50 * 1000),
        row("paced, from sending to coming, p99, ms", paced, lambda sample: sample.outcome.delay_p99 * 1000),
        row("memory at 100 paced streams, MiB", paced, lambda sample: sample.rss_peak / 2**20, digits=0),
    ]
