"""Rounds, as many as there is time for."""

import time
from collections.abc import Iterator


def rounds(count: int, *, seconds: float) -> Iterator[int]:
    """Number up to so many rounds, fewer where the next one would not end within `seconds`; always the first."""
    begun = time.monotonic()
    for number in range(count):
        taken = time.monotonic() - begun
        if number and taken * (number + 1) / number > seconds:
            print(f"{number} of {count} rounds: there is no time for more", flush=True)
            return
        yield number
