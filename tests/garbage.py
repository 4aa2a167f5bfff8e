"""A tool module that looks for garbage in its server: SIGUSR1 has it collected, and written down how much there was.

Each time adds a line to the file that GARBAGE_FILE names: objects that referred to each other, and to which nobody else
did.
"""

import gc
import os
import signal
from pathlib import Path

from tools.base import tool

COLLECT = signal.SIGUSR1


def collect(*_: object) -> None:
    found = gc.collect()
    with Path(os.environ["GARBAGE_FILE"]).open("a") as file:
        file.write(f"{found}\n")


@tool
async def nothing() -> str:
    """Do nothing: a tool module has a tool."""
    return ""


if "GARBAGE_FILE" in os.environ:
    gc.disable()  # all there is waits for the next signal, also where the server sets thresholds of its own
    signal.signal(COLLECT, collect)
