"""What can go wrong in a conversation."""

from typing import Any

from agents.errors import ErrorCode, Refused

__all__ = ["RETRY_AFTER", "AppendOnly", "NeedsOwnTransaction", "OwnershipLost", "Refused", "invalid", "not_found"]

RETRY_AFTER = 2.0  # seconds until what is away now may be back: the database, or another process in place of this one


class NeedsOwnTransaction(Exception):
    """A start shares its transaction with others, and has to lock rows that it may not keep from them."""


class AppendOnly(Exception):
    """Entries of the audit log are neither changed nor deleted."""


class OwnershipLost(Exception):
    """Another process has taken the run over, or it was deleted: nothing of it may be written here any more."""


def invalid(message: str, **details: Any) -> Refused:
    """The request itself is wrong; the message says what to change."""
    return Refused(ErrorCode.INVALID_REQUEST, message, details=details or None)


def not_found(what: str) -> Refused:
    """The same answer for what does not exist and for what is somebody else's."""
    return Refused(ErrorCode.NOT_FOUND, f"There is no such {what}.")
