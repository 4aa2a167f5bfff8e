"""How much each promise is put through: small in `make test`, in full with `FAULTS=full` (`make test-faults`)."""

from dataclasses import dataclass

from tests.faults.figures import FULL_SIZE
from tests.faults.switches import Side

IS_FULL = FULL_SIZE.is_on


@dataclass(frozen=True)
class Sizes:
    """Counts; what ends in `_seconds` is a time. Figures of latency are asserted in full size only."""

    test_seconds: int = 240  # the longest that one test may take
    resume_readers: int = 16
    resume_cuts: int = 3
    attaches: int = 120
    same_posts: int = 20
    same_posts_processes: int = 2
    starts: int = 40
    shown_kills: int = 1
    crash_processes: int = 2
    crash_runs: int = 18
    crash_at_once: int = 6
    crash_words: int = 80
    crash_kills: int = 3
    stopped_owners: int = 1
    stopped_runs: int = 5
    cut_tool_rounds: int = 1
    cut_tool_runs: int = 5
    cancels: int = 4
    redis_streams: int = 8
    redis_words: int = 100  # one every 50 ms
    redis_away_seconds: float = 2
    lossy: tuple[int, ...] = (100,)  # per cent of hints that are dropped
    stalls: int = 3
    calm_seconds: tuple[float, float] = (0.5, 1)  # between two stalls
    lock_seconds: float = 7
    slow_readers: int = 10
    slow_journal_bytes: int = 3_000_000
    slow_looks: int = 20
    slow_words: int = 40
    any_stop_kills: tuple[int, ...] = (4,)  # after so many events of the run
    restarts: int = 1
    restart_runs: int = 6
    restart_readers: int = 12
    crash_points: tuple[tuple[int, Side], ...] = ((1, "after"), (3, "before"), (3, "after"))
    pack_crash_points: tuple[tuple[int, Side], ...] = ((2, "before"),)
    idle_readers: int = 40
    warm_seconds: float = 2
    load_seconds: float = 4


SMALL = Sizes()
FULL = Sizes(
    test_seconds=1800,
    resume_readers=200,
    resume_cuts=5,
    attaches=2000,
    same_posts=50,
    same_posts_processes=4,
    starts=90,
    shown_kills=50,
    crash_processes=3,
    crash_runs=300,
    crash_at_once=60,
    crash_words=300,
    crash_kills=20,
    stopped_owners=5,
    stopped_runs=20,
    cut_tool_rounds=5,
    cut_tool_runs=20,
    cancels=100,
    redis_streams=100,
    redis_words=400,
    redis_away_seconds=5,
    lossy=(10, 100),
    stalls=12,
    calm_seconds=(4, 18),
    lock_seconds=10,
    slow_readers=200,
    slow_journal_bytes=5_000_000,
    slow_looks=400,
    slow_words=400,
    any_stop_kills=tuple(range(1, 12)),
    restarts=10,
    restart_runs=50,
    restart_readers=100,
    crash_points=tuple((commit, side) for commit in range(1, 11) for side in ("before", "after")),
    pack_crash_points=tuple((commit, side) for commit in range(1, 5) for side in ("before", "after")),
    idle_readers=1000,
    warm_seconds=300,
    load_seconds=600,
)
SIZES = FULL if IS_FULL else SMALL
