"""`python -m tests.run`: the whole suite, on both profiles, with branch coverage. What `make test` runs.

1. Everything: in-process tests on SQLite and the in-memory channel layer, tests of whole servers on both profiles.
2. Those tests beside the code that touch the database once more, in-process on PostgreSQL and Valkey.

Further arguments go to both pytest runs: `python -m tests.run -x -k cancel`.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

from tests.postgres import Postgres
from tests.processes import ROOT, Processes
from tests.valkey import Valkey

APPS = ("tools", "agents", "chat", "config")
NOTHING_COLLECTED = 5


class Suite:
    """Runs pytest under coverage and keeps count."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self._folder = folder
        self._arguments = arguments
        self.counts: Counter[str] = Counter()
        self.failed = False

    def run(self, title: str, *paths: str, **environment: str) -> None:
        print(f"\n=== {title} ===", flush=True)
        report = self._folder / f"{len(list(self._folder.iterdir()))}.xml"
        command = [*COVERAGE, "run", "-m", "pytest", f"--junitxml={report}", *paths, *self._arguments]
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode
        self.failed |= code not in {0, NOTHING_COLLECTED}
        if report.exists():
            self._count(report)

    def _count(self, report: Path) -> None:
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest has just written it
            found = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
            bad = found["failures"] + found["errors"]
            self.counts["failed"] += bad
            self.counts["skipped"] += found["skipped"]
            self.counts["passed"] += found["tests"] - bad - found["skipped"]


COVERAGE = (sys.executable, "-m", "coverage")


def main(arguments: list[str]) -> int:
    started = time.monotonic()
    subprocess.run([*COVERAGE, "erase"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="suite-") as folder:
        reports, logs = Path(folder, "reports"), Path(folder, "logs")
        reports.mkdir()
        logs.mkdir()
        suite = Suite(reports, arguments)
        suite.run("Everything: SQLite in-process, servers on both profiles")
        processes = Processes(logs)
        try:
            with Postgres(processes) as postgres, Valkey(processes) as valkey:
                suite.run(
                    "The apps on PostgreSQL and Valkey",
                    *APPS,
                    "-m",
                    "database",
                    TEST_DATABASE_URL=postgres.url_of("chat"),
                    TEST_REDIS_URL=valkey.url,
                )
        finally:
            processes.end()
    covered = True if arguments else is_covered()
    counts = suite.counts
    complete = not counts["skipped"]
    if not complete:
        print("Skipped tests count as failures: a test that cannot run proves nothing.")
    seconds = time.monotonic() - started
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped} in {seconds:.0f} s")
    return 1 if suite.failed or counts["failed"] or not (covered and complete) else 0


def is_covered() -> bool:
    """Combine what all processes have measured, print what is missing; whether it is enough (fail_under)."""
    print("\n=== Coverage ===", flush=True)
    subprocess.run([*COVERAGE, "combine", "--quiet"], cwd=ROOT, check=False)
    return subprocess.run([*COVERAGE, "report"], cwd=ROOT).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
