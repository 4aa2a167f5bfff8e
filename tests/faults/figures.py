"""What a run of these tests has measured, one line of JSON a figure, for the table in docs/guarantees.md."""

import json
import os
from pathlib import Path

FIGURES_FILE = "FAULTS_FIGURES"


def record(promise: int, figure: str) -> None:
    """Keep a figure, where `python -m tests.faults` asks for them."""
    if path := os.environ.get(FIGURES_FILE):
        with Path(path).open("a") as lines:
            lines.write(json.dumps({"promise": promise, "figure": figure}) + "\n")


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
