"""Which process may use which core: a server that is measured has one to itself, everything else has the others."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

PIN = "import os, sys; os.sched_setaffinity(0, {cores}); os.execv(sys.argv[1], sys.argv[1:])"


def cores() -> list[int]:
    """The cores that this process may use; empty where a system has no such thing."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pinned(command: Sequence[str | Path], to: Sequence[int]) -> list[str | Path]:
    """A command that runs on these cores only. With fewer than two cores there is nothing to share out."""
    if not to or len(cores()) < 2:
        return list(command)
    return [sys.executable, "-c", PIN.format(cores=set(to)), *command]


def for_server(number: int = 0) -> list[int]:
    """The core of the n-th measured server."""
    found = cores()
    return [found[number % len(found)]] if found else []


def for_others() -> list[int]:
    return cores()[1:]
