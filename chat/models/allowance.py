"""How many messages a caller may still send: a token bucket in one row, taken from in one statement."""

import math
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models

from agents.statements import Cursor

MICROSECONDS = 1_000_000  # whole numbers: sums of floating ones would let an eleventh message through, or stop a tenth


@dataclass(frozen=True, slots=True)
class Rate:
    """Up to `count` tokens at once, such as messages, and another one each `interval` microseconds."""

    count: int
    seconds: int

    @classmethod
    def of_settings(cls) -> "Rate":
        """Of messages."""
        return cls(*settings.RATE_LIMIT_MESSAGES)

    @property
    def interval(self) -> int:
        return max(1, self.seconds * MICROSECONDS // self.count)

    def left(self, owed: int) -> "Left":
        """What is left when the bucket is full again in `owed` microseconds."""
        interval = self.interval
        owed = min(max(0, owed), self.count * interval)
        return Left(self, self.count - -(-owed // interval), owed)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a caller's messages: `remaining` now, and all of them in `owed` microseconds."""

    rate: Rate
    remaining: int
    owed: int

    @property
    def retry_after(self) -> float:
        """Seconds until one more message is taken."""
        wait = self.owed - (self.rate.count - 1) * self.rate.interval
        return max(0, wait) / MICROSECONDS

    def with_one_back(self) -> "Left":
        return self.rate.left(self.owed - self.rate.interval)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.rate.count),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.owed / MICROSECONDS)),
        }


class TokenBucket(models.Model):
    """A token bucket, as one number: the time at which it will be full again, in microseconds since 1970.

    Each token moves that time on by one interval, and is refused when it would lie further ahead than a whole bucket
    takes to fill. The primary key says whose bucket it is.
    """

    full_at = models.BigIntegerField()

    class Meta:
        abstract = True

    @classmethod
    def take_of(cls, cursor: Cursor, key: Any, rate: Rate) -> tuple[bool, Left]:
        """Take one token, and say whether there was one. The bucket's row stays locked until the commit.

        One statement decides, whatever many processes ask at once; a transaction that is rolled back gives it back.
        """
        interval = rate.interval
        table, column, now, largest, values = cls._spelling(cursor)
        taken = cursor.rows(
            f"INSERT INTO {table} ({column}, full_at) VALUES (%s, {now} + %s)"  # noqa: S608 - our own names
            f" ON CONFLICT ({column}) DO UPDATE SET full_at = {largest}({table}.full_at, {now}) + %s"
            f" WHERE {table}.full_at <= {now} + %s"
            f" RETURNING full_at - {now}",
            [key, *values, interval, *values, interval, *values, (rate.count - 1) * interval, *values],
        )
        return (True, rate.left(taken[0][0])) if taken else (False, cls.left_of(cursor, key, rate))

    @classmethod
    def left_of(cls, cursor: Cursor, key: Any, rate: Rate) -> Left:
        """What is left, without taking any of it."""
        table, column, now, _, values = cls._spelling(cursor)
        owed = cursor.rows(
            f"SELECT full_at - {now} FROM {table} WHERE {column} = %s",  # noqa: S608 - our own names
            [*values, key],
        )
        return rate.left(owed[0][0] if owed else 0)

    @classmethod
    def remove_full(cls, cursor: Cursor) -> None:
        """Remove the rows of buckets that are full again: no row says the same."""
        table, _, now, _, values = cls._spelling(cursor)
        cursor.execute(f"DELETE FROM {table} WHERE full_at <= {now}", values)  # noqa: S608 - our own names

    @classmethod
    def _spelling(cls, cursor: Cursor) -> tuple[str, str, str, str, list[Any]]:
        """The table, its key, the time now, the larger of two, and the values that the time needs.

        PostgreSQL's clock is the same for all machines; SQLite lives on one, whose clock Python reads more finely.
        It is the time at which the row is held, not that at which one began to wait for it (SQLite's transactions wait
        where they begin): else a crowd's tokens would be taken out of order, and the last one refused.
        """
        table, column = cls._meta.db_table, cls._meta.pk.attname
        if cursor.vendor == "postgresql":
            return table, column, "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint", "GREATEST", []
        return table, column, "%s", "MAX", [time.time_ns() // 1000]


class Allowance(TokenBucket):
    """How many messages a caller may send. Nothing that a caller can delete leads back here."""

    caller = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="allowance"
    )

    def __str__(self) -> str:
        return f"{self.caller} until {self.full_at}"

    @classmethod
    def take(cls, cursor: Cursor, caller_id: int) -> tuple[bool, Left]:
        """Take one message."""
        return cls.take_of(cursor, caller_id, Rate.of_settings())

    @classmethod
    def left(cls, cursor: Cursor, caller_id: int) -> Left:
        return cls.left_of(cursor, caller_id, Rate.of_settings())
