"""A row of the result: what was measured on each server, in each round, and whether the goal's bounds hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmarks.servers import OURS

Rounds = Mapping[str, Sequence[float]]  # server -> one value a round
Side = Literal["at most", "at least"]
SIGNS: Mapping[Side, str] = {"at most": "≤", "at least": "≥"}


@dataclass(frozen=True)
class Bound:
    """A limit of ours: a number, or so many times another server's value. Ratios are taken within each round."""

    side: Side
    limit: float
    of: str = ""
    whose: str = OURS

    def value(self, rounds: Rounds) -> float | None:
        """What is held against the limit; None where either server was not measured."""
        ours, theirs = rounds.get(self.whose), rounds.get(self.of) if self.of else None
        if not ours or (self.of and not theirs):
            return None
        if theirs is None:
            return median(ours)
        return median(own / other for own, other in zip(ours, theirs, strict=True))

    def holds(self, rounds: Rounds) -> bool | None:
        value = self.value(rounds)
        if value is None:
            return None
        return value <= self.limit if self.side == "at most" else value >= self.limit

    def text(self, rounds: Rounds) -> str:
        """Such as `≤ 8`, or `≤ 0.33 × FastAPI + SDK (0.21)`."""
        limit = f"{SIGNS[self.side]} {number(self.limit)}"
        whose = "" if self.whose == OURS else f"{self.whose}: "
        if not self.of:
            return f"{whose}{limit}"
        value = self.value(rounds)
        return f"{whose}{limit} × {self.of} ({'not measured' if value is None else number(value)})"


@dataclass(frozen=True)
class Row:
    """One line. `goal` is the group that it belongs to. Without bounds it only tells."""

    goal: str
    title: str
    rounds: Rounds
    bounds: tuple[Bound, ...] = ()
    digits: int = 1
    failed: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether all bounds hold; None where there is nothing to say."""
        found = [bound.holds(self.rounds) for bound in self.bounds]
        if False in found:
            return False
        return True if found and None not in found else None

    def shown(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"

    def cell(self, server: str) -> str:
        """The median of the rounds."""
        values = self.rounds.get(server)
        return self.shown(median(values)) if values else ""

    @property
    def bound(self) -> str:
        return "; ".join(bound.text(self.rounds) for bound in self.bounds)


def number(value: float) -> str:
    """A number with three significant digits at most, without zeros that say nothing."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{float(f'{value:.3g}'):g}"


def at_most(limit: float, of: str = "", *, whose: str = OURS) -> Bound:
    return Bound("at most", limit, of, whose)


def at_least(limit: float, of: str = "", *, whose: str = OURS) -> Bound:
    return Bound("at least", limit, of, whose)
