"""Tests that are small in `make test` and run in full size by hand, and the page with what they have measured then.

A package of such tests has sizes of both kinds and a page with a table. `FAULTS=full` runs the tests of tests.faults in
full size; `python -m tests.faults` does so and then puts the figures into the table.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.processes import ROOT

Measured = Mapping[str, str]  # what is told of each row that has new figures


@dataclass(frozen=True)
class FullSize:
    """A package of tests, by its name without `tests.`, and its page under docs/."""

    package: str
    page: Path

    @property
    def is_on(self) -> bool:
        return os.environ.get(self._switch) == "full"

    def record(self, row: object, figure: str) -> None:
        """Keep a figure for that row of the table, where somebody asks for them: a line of JSON each."""
        if path := os.environ.get(self._figures):
            with Path(path).open("a") as lines:
                lines.write(json.dumps({"row": str(row), "figure": figure}) + "\n")

    def run(self, arguments: list[str], with_figures: Callable[[str, Measured], str]) -> int:
        """Run the tests in full size and put their figures into the page; the exit code. Arguments go to pytest."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"{self.package}-") as folder:
            path = Path(folder, "figures")
            path.touch()
            command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *self._paths(arguments), *arguments]
            environment = {**os.environ, self._switch: "full", self._figures: str(path)}
            code = subprocess.run(command, cwd=ROOT, env=environment).returncode
            figures = read(path)
        self.page.write_text(with_figures(self.page.read_text(), figures))
        print(f"{len(figures)} rows in {time.monotonic() - began:.0f} s; the table is in docs/{self.page.name}")
        return code

    @property
    def _switch(self) -> str:
        return self.package.upper()

    @property
    def _figures(self) -> str:
        return f"{self._switch}_FIGURES"

    def _paths(self, arguments: list[str]) -> list[str]:
        named = any(Path(argument.partition("::")[0]).exists() for argument in arguments)
        return [] if named else [f"tests/{self.package}"]


def read(path: Path) -> Measured:
    """What was recorded, by row: figures of the same row stand side by side."""
    measured: dict[str, str] = {}
    for line in path.read_text().splitlines():
        told = json.loads(line)
        row, figure = told["row"], told["figure"]
        measured[row] = f"{measured[row]}; {figure}" if row in measured else figure
    return measured
