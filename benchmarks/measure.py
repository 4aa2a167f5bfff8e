"""One measurement: a server's CPU and memory while a load process reads streams from it."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Self

import psutil

from benchmarks.load import Outcome
from benchmarks.servers import Server
from tests.processes import ROOT

SETTLE = 0.5  # seconds after the last byte in which a server closes what the streams have left
SAMPLE = 0.05  # seconds between two looks at a server's memory
LOAD_TIMEOUT = 180


@dataclass(frozen=True)
class Load:
    """What is asked of each server in a round: waves of streams, which begin within `ramp` seconds."""

    name: str
    scenario: str
    streams: int
    waves: int = 1
    ramp: float = 0.0


PACED = Load("paced", "stamped:200:20", streams=100, ramp=1.0)
BURST = Load("burst", "burst:500", streams=20, waves=10)
WARM_UP = (Load("warm-up", "stamped:20:20", streams=20, ramp=1.0), Load("warm-up", "burst:100", streams=10))


@dataclass(frozen=True)
class Sample:
    """What one load cost one server. CPU in seconds, `threads`: outside the main thread; RSS in bytes."""

    server: str
    load: str
    cpu: float
    threads: float
    rss: int
    outcome: Outcome

    @property
    def cpu_per_token(self) -> float:
        """Microseconds."""
        return self.cpu / self.outcome.tokens * 1e6

    @property
    def threads_per_token(self) -> float:
        """Microseconds."""
        return self.threads / self.outcome.tokens * 1e6

    @property
    def tokens_per_second(self) -> float:
        return self.outcome.tokens / self.outcome.seconds


class Memory(threading.Thread):
    """Looks at a process's resident memory while it is entered; `peak` is the largest value, in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._process = process
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self.join()


def measure(server: Server, load: Load) -> Sample:
    """Put the load on the server. Raises AssertionError when a token is missing."""
    process = psutil.Process(server.process.pid)
    with Memory(process) as memory:
        cpu, main = _cpu(process)
        outcome = _run(server, load)
        time.sleep(SETTLE)
        cpu_after, main_after = _cpu(process)
    spent = cpu_after - cpu
    return Sample(server.name, load.name, spent, max(0.0, spent - (main_after - main)), memory.peak, outcome)


def _run(server: Server, load: Load) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.load", server.url, load.scenario]
    numbers = ["--streams", str(load.streams), "--waves", str(load.waves), "--ramp", str(load.ramp)]
    done = subprocess.run([*command, *numbers], cwd=ROOT, capture_output=True, text=True, timeout=LOAD_TIMEOUT)
    assert done.returncode == 0, f"{server.name}, {load.scenario}: {done.stderr}\n{server.process.log[-4000:]}"
    return Outcome(**json.loads(done.stdout))


def _cpu(process: psutil.Process) -> tuple[float, float]:
    """CPU seconds (user and system) of the process, and of its main thread."""
    times = process.cpu_times()
    main = sum(thread.user_time + thread.system_time for thread in process.threads() if thread.id == process.pid)
    return times.user + times.system, main
