"""How much each attack tries: small in `make test`, in full with `SECURITY=full` (`make test-security`)."""

from dataclasses import dataclass

from tests.security.figures import FULL_SIZE

IS_FULL = FULL_SIZE.is_on


@dataclass(frozen=True)
class Sizes:
    """Counts; what ends in `_seconds` is a time."""

    test_seconds: int = 120  # the longest that one test may take
    ticket_races: int = 2
    ticket_rivals: int = 4  # on each of two processes
    schema_examples: int = 2  # of schemathesis, per operation and phase
    key_tries: int = 20
    id_tries: int = 10
    frames: int = 5_000
    flood_seconds: float = 2
    strangers: int = 100  # sockets without credentials
    slow_clients: int = 10
    idle_connections: int = 520
    pipelines: int = 2
    processes: int = 2  # that answer at once
    requests_at_once: int = 60
    argument_chars: int = 1_000_000  # of one tool call
    calls: int = 300  # in one turn
    endless_seconds: float = 5  # that a run may take


SMALL = Sizes()
FULL = Sizes(
    test_seconds=1800,
    ticket_races=100,
    ticket_rivals=25,
    schema_examples=100,
    key_tries=1000,
    id_tries=1000,
    frames=100_000,
    flood_seconds=20,
    strangers=500,
    slow_clients=200,
    idle_connections=2000,
    pipelines=20,
    processes=4,
    requests_at_once=1000,
    argument_chars=10_000_000,
    calls=1000,
    endless_seconds=20,
)
SIZES = FULL if IS_FULL else SMALL
