"""How many streams one process on one core carries, and how smoothly."""

from dataclasses import dataclass

from benchmarks.measure import Load, Sample, once, stream
from benchmarks.rounds import rounds
from benchmarks.row import Row, at_least, at_most
from benchmarks.servers import OURS, PLAIN, Laboratory, Server

GOAL = "Capacity and smoothness"
STARTS_PER_SECOND = 80  # streams come one after the other: what a crowd costs that starts at once is measured elsewhere
SECONDS = 5  # for which all of them are open
TOKENS_PER_SECOND = 50
LATE = 0.1  # seconds from the sending of a token to its coming: beyond that a server is full
GATHER_MS = 25  # STREAM_GATHER_MS as it stands by default
SMOOTH_LOAD = 0.7  # of its core: so busy, a server is to be smooth
NEAR = 0.05  # a round that turned out to be lighter or heavier by more tells nothing of it
START = {OURS: 360, PLAIN: 90}  # streams to begin the search with
PROBES = 3
LARGEST = 1600
ROUNDS, THOUSAND_SECONDS = 2, 40
SMOOTH_ROUNDS, SMOOTH_SECONDS = 4, 60
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


@dataclass(frozen=True)
class Tried:
    """A number of streams that came in time, and the share of a core that they took."""

    streams: int
    busiest: float

    def is_at(self, load: float) -> bool:
        return abs(self.busiest - load) <= NEAR

    def streams_at(self, load: float) -> int:
        """How many would take that share, in proportion."""
        return max(1, round(self.streams * load / self.busiest))


@dataclass(frozen=True)
class Carried:
    """What a search has found: the largest number of streams, and all that came in time."""

    streams: int
    tried: list[Tried]

    def nearest(self, load: float) -> Tried:
        assert self.tried, "no number of streams came in time"
        return min(self.tried, key=lambda one: abs(one.busiest - load))


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    with lab.serve(OURS, PLAIN) as servers:
        for server in servers.values():
            stream(server, Load("stamped:20:20", streams=20, ramp=1))
        found = {name: carried(server, probes=PROBES) for name, server in servers.items()}
    streams = {name: [float(search.streams)] for name, search in found.items()}
    rows = [
        Row(GOAL, "streams of 50 tokens/s, on one core", streams, (at_least(3, PLAIN),), digits=0),
        *smoothness(lab, found[OURS]),
    ]
    return rows if quick else [*rows, thousand(lab)]


def smoothness(lab: Laboratory, found: Carried) -> list[Row]:
    """Of servers of their own, as all of these: what the search left running must not count."""
    nearest = found.nearest(SMOOTH_LOAD)
    most, late_of_most = smooth_at(lab, int(found.streams * SMOOTH_LOAD))
    seen = [(most, late_of_most)]
    for _ in rounds(SMOOTH_ROUNDS, seconds=SMOOTH_SECONDS):
        seen.append(smooth_at(lab, nearest.streams_at(SMOOTH_LOAD)))
        nearest = seen[-1][0]
        if nearest.is_at(SMOOTH_LOAD):
            break
    nearest_seen = min(seen, key=lambda one: abs(one[0].busiest - SMOOTH_LOAD))
    near = [one for one in seen if one[0].is_at(SMOOTH_LOAD)] or [nearest_seen]
    least, greatest = (SMOOTH_LOAD - NEAR) * 100, (SMOOTH_LOAD + NEAR) * 100
    title = "from sending to coming at 70 % load: p99, ms"
    is_level = at_least(least), at_most(greatest)
    return [
        Row(GOAL, title, {OURS: [late for _, late in near]}, (at_most(GATHER_MS + 15),)),
        Row(GOAL, "– streams that make this load", {OURS: [one.streams for one, _ in near]}, digits=0),
        Row(GOAL, "– the load, % of a core", {OURS: [one.busiest * 100 for one, _ in near]}, is_level, digits=0),
        Row(GOAL, "– with 70 % of the streams carried: p99, ms", {OURS: [late_of_most]}),
        Row(GOAL, "– the load of these, % of a core", {OURS: [most.busiest * 100]}, digits=0),
    ]


def smooth_at(lab: Laboratory, streams: int) -> tuple[Tried, float]:
    """How busy so many streams keep a new server, and how late their tokens come: p99, in milliseconds."""
    seen = measured(lab, load_of(streams))
    return Tried(streams, seen.busiest), seen.outcome.delay_p99 * MS


def load_of(streams: int, rate: int = TOKENS_PER_SECOND) -> Load:
    """Streams of `rate` tokens a second."""
    ramp = streams / STARTS_PER_SECOND
    return Load(f"stamped:{round((ramp + SECONDS) * rate)}:{MS // rate}", streams=streams, ramp=ramp)


def carried(server: Server, *, probes: int) -> Carried:
    """The largest number of streams found that came in time, after so many probes."""
    search, streams = Search(), START[server.name]
    tried: list[Tried] = []
    for _ in range(probes):
        if seen := in_time(server, load_of(streams)):
            tried.append(Tried(streams, seen.busiest))
        search, streams = search.next(streams, carried=bool(seen))
    return Carried(search.carried, tried)


def in_time(server: Server, load: Load) -> Sample | None:
    """What was seen, where every token came, 99 of 100 within the time."""
    try:
        seen = once(server, load)
    except AssertionError:
        return None
    return seen if seen.outcome.delay_p99 < LATE else None


def thousand(lab: Laboratory) -> Row:
    seen = [delay_of(lab, load_of(1000, rate=10)) * MS for _ in rounds(ROUNDS, seconds=THOUSAND_SECONDS)]
    return Row(GOAL, "1,000 streams of 10 tokens/s: p99, ms", {OURS: seen}, (at_most(LATE * MS),), digits=0)


def delay_of(lab: Laboratory, load: Load) -> float:
    """Seconds from the sending of a token to its coming: the 99th percentile, without end where one is missing."""
    try:
        return measured(lab, load).outcome.delay_p99
    except AssertionError as failure:
        print(f"{load.streams} streams: {str(failure)[-300:]}", flush=True)
        return float("inf")


def measured(lab: Laboratory, load: Load) -> Sample:
    """What the load costs a new server."""
    with lab.serve(OURS) as servers:
        stream(servers[OURS], Load("stamped:20:20", streams=20, ramp=1))
        return once(servers[OURS], load)
