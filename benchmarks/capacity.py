"""How many streams one process on one core carries, and how smoothly."""

from dataclasses import dataclass

from benchmarks.measure import Load, stream
from benchmarks.rounds import rounds
from benchmarks.row import Row, at_least, at_most
from benchmarks.servers import OURS, PLAIN, Laboratory, Server

GOAL = "Capacity and smoothness"
STARTS_PER_SECOND = 80  # streams come one after the other: what a crowd costs that starts at once is measured elsewhere
SECONDS = 5  # for which all of them are open
TOKENS_PER_SECOND = 50
LATE = 0.1  # seconds from the sending of a token to its coming: beyond that a server is full
GATHER_MS = 25  # STREAM_GATHER_MS as it stands by default
# Of what a server carries, in streams and in starts a second: a load under which it is to be smooth.
PART = 0.7
START = {OURS: 240, PLAIN: 90}  # streams to begin the search with
PROBES = 3
LARGEST = 1600
ROUNDS, THOUSAND_SECONDS, SMOOTH_SECONDS = 2, 40, 25
MS = 1000


@dataclass(frozen=True)
class Search:
    """How many streams a server has carried, and the smallest number that it has not."""

    carried: int = 0
    failed: int = LARGEST

    def next(self, last: int, *, carried: bool) -> "tuple[Search, int]":
        """What is known after a probe, and the next number to try."""
        if carried:
            found = Search(max(self.carried, last), self.failed)
        else:
            found = Search(self.carried, min(self.failed, last))
        if not found.carried:
            return found, max(1, found.failed // 2)
        if found.failed == LARGEST:
            return found, min(LARGEST, found.carried * 3 // 2)
        return found, (found.carried + found.failed) // 2


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    with lab.serve(OURS, PLAIN) as servers:
        for server in servers.values():
            stream(server, Load("stamped:20:20", streams=20, ramp=1))
        found = {name: [float(carried(server, probes=3 if quick else PROBES))] for name, server in servers.items()}
    load = load_of(max(1, int(found[OURS][0] * PART)), starts=STARTS_PER_SECOND * PART)
    smooth = [delay_of(lab, load) * MS for _ in rounds(ROUNDS, seconds=SMOOTH_SECONDS)]
    rows = [
        Row(GOAL, "streams of 50 tokens/s, on one core", found, (at_least(3, PLAIN),), digits=0),
        Row(
            GOAL,
            "from sending to coming at 70 % of that: p99, ms",
            {OURS: smooth},
            (at_most(GATHER_MS + 15),),
        ),
    ]
    return rows if quick else [*rows, thousand(lab)]


def load_of(streams: int, rate: int = TOKENS_PER_SECOND, *, starts: float = STARTS_PER_SECOND) -> Load:
    """Streams of `rate` tokens a second, of which so many start in one."""
    ramp = streams / starts
    return Load(f"stamped:{round((ramp + SECONDS) * rate)}:{MS // rate}", streams=streams, ramp=ramp)


def carried(server: Server, *, probes: int) -> int:
    """The largest number of streams found that came in time, after so many probes."""
    search, streams = Search(), START[server.name]
    for _ in range(probes):
        search, streams = search.next(streams, carried=in_time(server, load_of(streams)))
    return search.carried


def in_time(server: Server, load: Load) -> bool:
    """Whether every token came, 99 of 100 within the time."""
    try:
        return stream(server, load).delay_p99 < LATE
    except AssertionError:
        return False


def thousand(lab: Laboratory) -> Row:
    """Of servers of their own: what the search left running must not count."""
    seen = [delay_of(lab, load_of(1000, rate=10)) * MS for _ in rounds(ROUNDS, seconds=THOUSAND_SECONDS)]
    return Row(GOAL, "1,000 streams of 10 tokens/s: p99, ms", {OURS: seen}, (at_most(LATE * MS),), digits=0)


def delay_of(lab: Laboratory, load: Load) -> float:
    """Seconds from the sending of a token to its coming: the 99th percentile, on a new server."""
    with lab.serve(OURS) as servers:
        stream(servers[OURS], Load("stamped:20:20", streams=20, ramp=1))
        try:
            return stream(servers[OURS], load).delay_p99
        except AssertionError as failure:
            print(f"{load.streams} streams: {str(failure)[-300:]}", flush=True)
            return float("inf")
