"""The gather window: how long text waits for company."""

from collections.abc import Callable

from chat.journal.live_run import LiveRun


class Window:
    """A gather window of many runs: open from the first piece that waits to the next moment of its `phase`, in seconds.

    At its end the runs in `more` are asked for what has come meanwhile. Each window of a process closes at moments of
    its own: what all runs say at once makes the last of them wait.
    """

    __slots__ = ("is_open", "more", "phase")

    def __init__(self, phase: float) -> None:
        self.phase = phase
        self.is_open = False
        self.more: dict[LiveRun, Callable[[], None]] = {}
