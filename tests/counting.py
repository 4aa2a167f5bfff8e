"""A server that counts what it does: a tool module which, when a server imports it, counts calls from then on.

The counts stand in the file that COUNTS_FILE names, shared with the test: they can be read at any moment, and reading
them costs the server nothing. They are of all threads together. What a machine does else changes none of them much:
when it is busy, more tokens share a window, and there is less to do.
"""

import mmap
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from tools.base import tool

CURSORS = ("Cursor", "SQLiteCursorWrapper")  # of the sqlite3 module, and Django's
# Name of a count -> the functions of C libraries whose calls it counts, as Python names them.
COUNTED: dict[str, tuple[str, ...]] = {
    "statements": tuple(f"{cursor}.{way}" for cursor in CURSORS for way in ("execute", "executemany")),
    "commits": ("Connection.commit",),
    "sends": ("socket.send", "socket.sendall", "socket.sendmsg"),
    "receives": ("socket.recv", "socket.recv_into", "read"),  # the last is os.read
    "polls": ("epoll.poll",),
    "hops": ("SimpleQueue.put",),  # work that is handed to a thread of a pool
    "threads": ("start_new_thread",),
}
CALLS, BLOCKS = "calls", "blocks"  # functions called, of Python and of C; blocks of memory that are allocated now
NAMES = (*COUNTED, CALLS, BLOCKS)
PLACES = {function: NAMES.index(name) for name, functions in COUNTED.items() for function in functions}


def shared(path: Path) -> "memoryview[int]":
    """The counts in a file, one number each in the order of NAMES."""
    with path.open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 8 * len(NAMES))).cast("Q")


def count_from_now_on(counts: "memoryview[int]") -> None:
    calls, blocks, polls = NAMES.index(CALLS), NAMES.index(BLOCKS), NAMES.index("polls")

    def profile(_: FrameType, event: str, function: Any) -> None:
        if event == "call":
            counts[calls] += 1
        elif event == "c_call":
            counts[calls] += 1
            place = PLACES.get(function.__qualname__)
            if place is not None:
                counts[place] += 1
                if place == polls:
                    counts[blocks] = sys.getallocatedblocks()

    threading.setprofile(profile)
    sys.setprofile(profile)


@tool
async def nothing() -> str:
    """Do nothing: a tool module has a tool."""
    return ""


if "COUNTS_FILE" in os.environ:
    count_from_now_on(shared(Path(os.environ["COUNTS_FILE"])))
