"""`python -m tests.faults`: every promise in full size, and the table of figures in docs/guarantees.md.

Arguments go to pytest: `python -m tests.faults -k redis` measures one promise and keeps the other figures.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.faults.figures import FIGURES_FILE
from tests.processes import ROOT

PAGE = ROOT / "docs" / "guarantees.md"
ROW = re.compile(r"^\| (\d+) \| (.*?) \| (.*) \|$", re.MULTILINE)


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        path = Path(folder, "figures")
        path.touch()
        paths = [] if any(Path(argument.partition("::")[0]).exists() for argument in arguments) else ["tests/faults"]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *paths, *arguments]
        environment = {**os.environ, "FAULTS": "full", FIGURES_FILE: str(path)}
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
        figures = [json.loads(line) for line in path.read_text().splitlines()]
    write(figures)
    print(f"{len(figures)} figures in {time.monotonic() - began:.0f} s; the table is in {PAGE.relative_to(ROOT)}")
    return code


def write(figures: list[dict[str, str]]) -> None:
    """Put the figures into the table's rows; a promise without new ones keeps what stands there."""
    measured = defaultdict(list)
    for figure in figures:
        measured[str(figure["promise"])].append(figure["figure"])

    def row(match: re.Match[str]) -> str:
        number, promise, told = match.groups()
        return f"| {number} | {promise} | {'; '.join(measured[number]) or told} |"

    PAGE.write_text(ROW.sub(row, PAGE.read_text()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
