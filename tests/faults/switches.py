"""Files that tell server processes under tests.faults.settings what is to go wrong: how many hints are lost, and at
which commit a process dies. Written by the test, read by the process at the very place."""

import os
import signal
from functools import cache
from pathlib import Path
from typing import Literal

FOLDER = "FAULT_SWITCHES"
Side = Literal["before", "after"]


class Switches:
    """The test's hand on them; `folder` is what the servers were started with as FAULT_SWITCHES."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lose_hints(self, percent: int) -> None:
        (self.folder / "lose").write_text(str(percent))

    def crash_at(self, commit: int, side: Side, *, table: str = "chat_runevent") -> None:
        """Let a process die right before or after its n-th commit, from now on, of rows of that table."""
        prepared = self.folder / "crash.new"
        prepared.write_text(f"{commit} {side} {table}")
        prepared.rename(self.folder / "crash")

    def disarm(self) -> bool:
        """Take the crash back; whether it was still to come."""
        was_armed = (self.folder / "crash").exists()
        (self.folder / "crash").unlink(missing_ok=True)
        return was_armed


@cache
def switch(name: str) -> Path:
    """The file of a switch, made once: Python interns the parts of each path, and its table of names would grow."""
    return Path(os.environ[FOLDER]) / name


def lost_percent() -> int:
    try:
        return int(switch("lose").read_text() or 0)
    except FileNotFoundError:
        return 0


class Commits:
    """Counts the commits of this process since the crash was armed, and dies where that says."""

    def __init__(self) -> None:
        self.count = 0

    def due(self, tables: set[str]) -> str:
        """Count a commit of rows of these tables that is to happen: on which side of it to die, or an empty text."""
        try:
            commit, side, table = switch("crash").read_text().split()
        except FileNotFoundError:
            self.count = 0
            return ""
        self.count += table in tables
        if table not in tables:
            return ""
        return side if self.count == int(commit) else ""

    def die(self) -> None:
        switch("crash").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
