"""Rounds, as many as there is time for."""

import math
import time
from collections.abc import Iterator


class _Whole:
    """The time of all parts together."""

    end = math.inf  # monotonic seconds


def end_after(seconds: float) -> None:
    """From then on no part begins another round: on a slow machine the last ones have one each."""
    _Whole.end = time.monotonic() + seconds


def rounds(count: int, *, seconds: float) -> Iterator[int]:
    """Number up to so many rounds, fewer where the next one would not end within `seconds`; always the first."""
    begun = time.monotonic()
    for number in range(count):
        now = time.monotonic()
        taken = now - begun
        if number and (taken * (number + 1) / number > seconds or now > _Whole.end):
            print(f"{number} of {count} rounds: there is no time for more", flush=True)
            return
        yield number
