"""What a run of these tests has measured, for the table in docs/guarantees.md: its rows are numbered promises."""

from tests.full_size import FullSize
from tests.processes import ROOT

FULL_SIZE = FullSize("faults", ROOT / "docs" / "guarantees.md")
record = FULL_SIZE.record


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
