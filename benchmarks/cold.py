"""From nothing to ready: a cold start, and what its imports take."""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

from benchmarks.rounds import rounds
from benchmarks.row import Row, at_most
from benchmarks.servers import AGENTS_SDK, OURS, PLAIN, PYDANTIC, Laboratory, Server
from tests.processes import ROOT, wait_until

GOAL = "Cold start"
ROUNDS, SECONDS = 2, 40
IMPORTS = "import django; django.setup(); import config.asgi, config.urls, daphne.server, openai"
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)([\w.]+)")
HEAVY = 4  # packages that are named


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    names = (OURS, PLAIN) if quick else (OURS, PLAIN, PYDANTIC, AGENTS_SDK)
    found: dict[str, list[float]] = {}
    for _ in rounds(1 if quick else ROUNDS, seconds=SECONDS):
        for name in names:
            if (taken := start(lab, name)) is not None:
                found.setdefault(name, []).append(taken)
    imports, heavy = import_time(lab)
    return [
        Row(GOAL, "until it is ready, s", found, (at_most(2.5),), digits=2),
        Row(GOAL, f"– of it imports, s (most: {heavy})", {OURS: [imports]}, digits=2),
    ]


def start(lab: Laboratory, name: str) -> float | None:
    """Seconds until it is ready (ours) or listens; None where it is not installed."""
    database = lab.database() if name == OURS else ""
    begun = time.monotonic()
    if name == OURS:
        server = lab.ours(database)
        with lab.serving(server):
            wait_until(lambda: is_ready(server), seconds=60, otherwise=lambda: server.process.log)
            return time.monotonic() - begun
    begun = time.monotonic()
    with lab.serve(name) as servers:
        return time.monotonic() - begun if servers else None


def is_ready(server: Server) -> bool:
    try:
        with urllib.request.urlopen(server.url("/health/ready"), timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def import_time(lab: Laboratory) -> tuple[float, str]:
    """Seconds that all imports take, and the packages that take most of them."""
    command = [sys.executable, "-X", "importtime", "-c", IMPORTS]
    done = subprocess.run(command, cwd=ROOT, env=lab.environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    own: dict[str, int] = {}
    for microseconds, _, _, module in LINE.findall(done.stderr):
        package = module.partition(".")[0]
        own[package] = own.get(package, 0) + int(microseconds)
    most = sorted(own, key=lambda package: -own[package])[:HEAVY]
    return sum(own.values()) / 1e6, ", ".join(f"{package} {own[package] / 1e6:.2f}" for package in most)
