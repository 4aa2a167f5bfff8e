"""Databases that hold much already."""

import subprocess
import sys

from benchmarks.servers import Laboratory
from tests.processes import ROOT


def fill(lab: Laboratory, database: str, what: str, *numbers: int) -> str:
    """Fill a database, see benchmarks.fill; what that prints."""
    command = [sys.executable, "-m", "benchmarks.fill", what, *map(str, numbers)]
    environment = lab.environment(DATABASE_URL=database)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
