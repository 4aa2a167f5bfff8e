"""One measurement: a server's CPU and memory while a client process loads it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import psutil

from benchmarks import cores
from benchmarks.callers import Calls
from benchmarks.load import Outcome
from benchmarks.servers import Server
from tests.processes import ROOT

SETTLE = 0.5  # seconds after the last byte in which a server closes what the streams have left
LOOK = 0.05  # seconds between two looks at a server
BUSY_SECONDS = 5.0
PAUSE = 3.0  # seconds
CLIENT_SECONDS = 180
T = TypeVar("T")
Spent = tuple[float, float]  # a time, and the CPU seconds of a process until then


@dataclass(frozen=True)
class Load:
    """What is asked of a server: waves of streams, which begin within `ramp` seconds."""

    scenario: str
    streams: int
    waves: int = 1
    ramp: float = 0.0


@dataclass(frozen=True)
class Sample:
    """What one load cost one server. CPU in seconds, `threads`: outside the main thread; RSS in bytes; `busiest`: the
    share of a core in the busiest BUSY_SECONDS.
    """

    cpu: float
    threads: float
    rss_before: int
    rss_peak: int
    outcome: Outcome
    busiest: float

    @property
    def cpu_per_token(self) -> float:
        """Microseconds."""
        return self.cpu / self.outcome.tokens * 1e6

    @property
    def threads_per_token(self) -> float:
        """Microseconds."""
        return self.threads / self.outcome.tokens * 1e6


class Watch(threading.Thread):
    """Looks at a process while it is entered; `peak` is the largest resident memory, in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.before = self.peak = process.memory_info().rss
        self._process = process
        self._stopped = threading.Event()
        self.spent: list[Spent] = []

    def run(self) -> None:
        while not self._stopped.wait(LOOK):
            self.peak = max(self.peak, self._process.memory_info().rss)
            self.spent.append((time.monotonic(), cpu_seconds(self._process)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self.join()


def measure(server: Server, load: Load) -> Sample:
    """Put the load on the server. Raises AssertionError when a token is missing."""
    return again(lambda: once(server, load), f"{server.name}, {load}")


def again(act: Callable[[], T], what: str) -> T:
    """Do it, a second time where a stream was refused or cut: on a machine that is too busy with other things."""
    try:
        return act()
    except AssertionError as failure:
        print(f"again, {what} failed: {str(failure)[-300:]}", flush=True)
        time.sleep(PAUSE)
        return act()


def once(server: Server, load: Load) -> Sample:
    """As `measure`, but at the first token that is missing it gives up."""
    process = psutil.Process(server.process.pid)
    with Watch(process) as watch:
        cpu, main = cpu_of(process)
        outcome = stream(server, load)
        time.sleep(SETTLE)
        cpu_after, main_after = cpu_of(process)
    spent = cpu_after - cpu
    threads = max(0.0, spent - (main_after - main))
    return Sample(spent, threads, watch.before, watch.peak, outcome, busiest(watch.spent))


def stream(server: Server, load: Load) -> Outcome:
    """What a client sees of the load. Raises AssertionError when a token is missing."""
    numbers = ["--streams", str(load.streams), "--waves", str(load.waves), "--ramp", str(load.ramp)]
    path = "/v1/chat/completions" if server.name == "provider" else "/chat/stream"
    what = [server.url(path), json.dumps(server.body(load.scenario)), load.scenario, *numbers]
    return Outcome(**client("load", what, server))


def call(server: Server, path: str, message: str = "", *, callers: int, requests: int) -> Calls:
    """Let callers ask again and again: `message`, or with none a plain GET."""
    body = json.dumps(server.body(message)) if message else ""
    numbers = ["--callers", str(callers), "--requests", str(requests)]
    return Calls(**client("callers", [server.url(path), body, *numbers], server))


def client(module: str, arguments: Sequence[str], server: Server) -> dict[str, Any]:
    """What a client process prints."""
    command = cores.pinned([sys.executable, "-m", f"benchmarks.{module}", *arguments], cores.for_others())
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=CLIENT_SECONDS)
    assert done.returncode == 0, f"{server.name}: {done.stderr[-2000:]}\n{server.process.log[-2000:]}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def busiest(spent: Sequence[Spent], seconds: float = BUSY_SECONDS) -> float:
    """The share of a core in the busiest of so many seconds; 0 where it was not watched for so long."""
    shares = [0.0]
    first = 0
    for at, cpu in spent:
        while at - spent[first][0] >= seconds:
            since, before = spent[first]
            shares.append((cpu - before) / (at - since))
            first += 1
    return max(shares)


def cpu_of(process: psutil.Process) -> tuple[float, float]:
    """CPU seconds (user and system) of the process, and of its main thread."""
    main = sum(thread.user_time + thread.system_time for thread in process.threads() if thread.id == process.pid)
    return cpu_seconds(process), main


def cpu_seconds(process: psutil.Process) -> float:
    """CPU of the process, user and system; where the system tells it, to the nanosecond and not to the hundredth."""
    if sys.platform == "linux":
        return time.clock_gettime((~process.pid << 3) | 2)  # as clock_getcpuclockid(3) names the clock of a process
    times = process.cpu_times()
    return times.user + times.system
