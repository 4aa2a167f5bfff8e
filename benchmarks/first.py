"""How long the first token takes: alone, and when a hundred ask in the same instant."""

from benchmarks.measure import Load, again, stream
from benchmarks.rounds import rounds
from benchmarks.row import Row, at_most
from benchmarks.servers import OURS, PLAIN, POSTGRES, SERVERS, Laboratory, Server

GOAL = "First token"
ALONE = "stamped:1"
CROWD = Load("stamped:5:20", streams=100)
ROUNDS, SECONDS = 2, 30
MS = 1000


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    names = (OURS, PLAIN) if quick else (OURS, POSTGRES, *SERVERS[1:])
    asks, count = (50, 1) if quick else (100, ROUNDS)
    p50: dict[str, list[float]] = {}
    p99: dict[str, list[float]] = {}
    crowd: dict[str, list[float]] = {}
    with lab.serve(*names) as servers:
        for server in servers.values():
            stream(server, Load(ALONE, streams=10, waves=2))
        for _ in rounds(count, seconds=SECONDS):
            own = alone(lab.provider, asks)[0]
            for name, server in servers.items():
                middle, tail = alone(server, asks)
                p50.setdefault(name, []).append((middle - own) * MS)
                p99.setdefault(name, []).append((tail - own) * MS)
                crowd.setdefault(name, []).append(at_once(server) * MS)
            for name in (OURS, PLAIN):  # once more those that are compared: what one sees depends on the moment
                crowd[name].append(at_once(servers[name]) * MS)
    return [
        Row(GOAL, "one stream, over the provider's p50: p50, ms", p50, (at_most(8), at_most(12, whose=POSTGRES))),
        Row(GOAL, "one stream, over the provider's p50: p99, ms", p99, (at_most(20), at_most(30, whose=POSTGRES))),
        Row(GOAL, "100 streams in one instant: p99, ms", crowd, (at_most(1, PLAIN),), digits=0),
    ]


def alone(server: Server, asks: int) -> tuple[float, float]:
    """Seconds from a request to its first token, p50 and p99, one request after the other."""
    seen = again(lambda: stream(server, Load(ALONE, streams=1, waves=asks)), server.name)
    return seen.first_p50, seen.first_p99


def at_once(server: Server) -> float:
    """Seconds from a request to its first token, p99, when a hundred ask in the same instant."""
    return again(lambda: stream(server, CROWD), server.name).first_p99
