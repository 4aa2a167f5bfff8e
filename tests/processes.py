"""Child processes of the test session: a group each, logged to a file, ended by id whatever happens."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pwd import struct_passwd
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_as(account: struct_passwd | None) -> dict[str, Any]:
    """The arguments of subprocess that start a program as that account."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def wait_until(fact: Callable[[], bool], *, seconds: float, otherwise: Callable[[], str]) -> None:
    """Return as soon as the fact holds; after that many seconds fail with the text that `otherwise` makes."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            raise AssertionError(otherwise())
        time.sleep(0.02)


@dataclass(frozen=True)
class Process:
    """One child. Its process group id is its own id, so everything that it started ends with it."""

    name: str
    popen: subprocess.Popen[bytes]
    log_path: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def log(self) -> str:
        """What it has printed so far, both streams."""
        return self.log_path.read_text(errors="replace")

    def is_running(self) -> bool:
        return self.popen.poll() is None

    def wait_for(self, text: str, *, seconds: float = 60) -> None:
        """Return when the log holds the text; fail at once when the process ends without having printed it."""
        wait_until(
            lambda: text in self.log or not self.is_running(),
            seconds=seconds,
            otherwise=lambda: f"{self.name} did not print {text!r} in {seconds} s:\n{self.log}",
        )
        assert text in self.log, f"{self.name} ended with {self.popen.returncode}:\n{self.log}"

    def stop(self, *, seconds: float = 30) -> int:
        """SIGTERM, as a supervisor sends it; the exit code. Fails when the process is not gone in time."""
        self.popen.terminate()
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs {seconds} s after SIGTERM:\n{self.log}") from None
        finally:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the process and to everything that it started."""
        if self.group_exists():
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait(10)

    def pause(self) -> None:
        """Freeze it: connections stay open, nothing answers."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def group_exists(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Processes:
    """Everything that one test session has started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Process] = []

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        account: struct_passwd | None = None,
    ) -> Process:
        """Start the command in the project's folder, as another account where one is given."""
        log_path = self._folder / f"{len(self._started)}-{name}.log"
        with log_path.open("wb") as log:
            popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=dict(env) if env is not None else None,
                start_new_session=True,
                **run_as(account),
            )
        process = Process(name, popen, log_path)
        self._started.append(process)
        return process

    def end(self) -> None:
        """End what still runs, then insist that nothing is left."""
        for process in reversed(self._started):
            process.kill()
        wait_until(lambda: not self.left_over(), seconds=10, otherwise=lambda: f"left behind: {self.left_over()}")

    def left_over(self) -> list[str]:
        return [f"{process.name} ({process.pid})" for process in self._started if process.group_exists()]
