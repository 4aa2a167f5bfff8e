"""What a run of these tests has measured, one line of JSON a figure, for the table in docs/security-figures.md."""

import json
import os
from pathlib import Path

FIGURES_FILE = "SECURITY_FIGURES"


def record(control: str, figure: str) -> None:
    """Keep a figure under the name of what holds, where `python -m tests.security` asks for them."""
    if path := os.environ.get(FIGURES_FILE):
        with Path(path).open("a") as lines:
            lines.write(json.dumps({"control": control, "figure": figure}) + "\n")
