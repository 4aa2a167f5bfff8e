"""Two processes on PostgreSQL and Valkey against one.

On two cores that clients and databases share, two processes cannot show twice the throughput. What can be seen is
whether a token costs more CPU when there are two of them: that is what would keep more cores from carrying more.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import redis

from benchmarks.measure import Load, again, client, cpu_of, measure, stream
from benchmarks.rounds import rounds
from benchmarks.row import Row, at_least, at_most
from benchmarks.servers import POSTGRES, Laboratory, Server
from benchmarks.tokens import PACED, WARM_UP

GOAL = "Two processes"
BURST = Load("burst:500", streams=20, waves=5)
FOLLOWED, TOKENS = 10, 150
ROUNDS, SECONDS = 2, 40


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    database = lab.database(POSTGRES)
    servers = [lab.ours(database, name=POSTGRES, core=core, REDIS_URL=lab.valkey.url) for core in range(2)]
    with lab.serving(*servers):
        for server in servers:
            measure(server, WARM_UP[0])
        turns = [again(lambda: in_turn(servers), GOAL) for _ in rounds(1 if quick else ROUNDS, seconds=SECONDS)]
        operations = redis_operations(lab, servers)
        behind = lag(servers)
    scaled = [2 * alone[0] / together[0] for alone, together in turns]
    seen = [together[1] / alone[1] for alone, together in turns]

    def row(title: str, values: list[float], *bounds: object, digits: int = 2) -> Row:
        return Row(GOAL, title, {POSTGRES: values}, bounds, digits)  # type: ignore[arg-type]

    return [
        row("tokens per second of CPU, 2 against 1, ratio", scaled, at_least(1.8, whose=POSTGRES)),
        row("tokens per second as seen on these cores, ratio", seen),
        row("Redis operations per token", [operations], at_most(0.05, whose=POSTGRES), digits=3),
        row("a reader at the other process, behind by, p99, ms", [behind], at_most(60, whose=POSTGRES), digits=0),
    ]


def in_turn(servers: list[Server]) -> tuple[tuple[float, float], tuple[float, float]]:
    """One of them alone, then both: see `throughput`."""
    return throughput(servers[:1]), throughput(servers)


def throughput(servers: list[Server]) -> tuple[float, float]:
    """CPU seconds of a token, and tokens a second, of the servers together while each has the same load."""
    processes = [psutil.Process(server.process.pid) for server in servers]
    before = sum(cpu_of(process)[0] for process in processes)
    with ThreadPoolExecutor(len(servers)) as loads:
        seen = list(loads.map(lambda server: stream(server, BURST), servers))
    spent = sum(cpu_of(process)[0] for process in processes) - before
    tokens = sum(each.tokens for each in seen)
    return spent / tokens, tokens / max(each.seconds for each in seen)


def redis_operations(lab: Laboratory, servers: list[Server]) -> float:
    """Commands for each token, of 100 paced streams at both."""
    before = commands(lab.valkey.url)
    with ThreadPoolExecutor(len(servers)) as loads:
        half = replace(PACED, streams=PACED.streams // len(servers))
        tokens = sum(each.tokens for each in loads.map(lambda server: stream(server, half), servers))
    return (commands(lab.valkey.url) - before) / tokens


def commands(url: str) -> int:
    with redis.Redis.from_url(url) as valkey:
        found = valkey.info("commandstats")
    return sum(int(stats["calls"]) for name, stats in found.items() if name != "cmdstat_info")


def lag(servers: list[Server]) -> float:
    """Milliseconds that 99 of 100 tokens come later at the other process, at most."""
    owner, other = servers
    body = json.dumps(owner.body(f"stamped:{TOKENS}:20"))
    where = [owner.url(), other.url("").rstrip("/"), body, str(FOLLOWED)]
    return float(client("follow", where, owner)["p99"]) * 1000
