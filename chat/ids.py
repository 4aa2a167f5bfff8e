"""Identifiers that sort by the time they were made."""

import secrets
import time
import uuid
from datetime import datetime


def new_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, 12 of their fraction, then 62 random bits.

    With the fraction, a question and its answer sort in the order in which one process made them.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | secrets.randbits(62))


def earliest_id(moment: datetime) -> uuid.UUID:
    """Ids that are made from then on sort after it, earlier ones before it."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


def parse_id(value: str) -> uuid.UUID | None:
    """The id in its canonical form; None for everything else."""
    try:
        parsed = uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        return None
    return parsed if str(parsed) == value.lower() else None
