"""What is open in this process, and whose it is: streams, sockets and requests that wait for an answer.

A right that ends has to end what was opened with it. One look for all connections, every CHECK_SECONDS, finds the
credentials that were revoked, have expired, were signed out or changed; nothing is asked per event.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from agents.errors import ErrorCode
from chat.access import Caller, still_valid
from chat.database import in_database
from chat.exceptions import Refused

log = logging.getLogger(__name__)
CHECK_SECONDS = 2.0
Kind = Literal["stream", "socket", "request"]


@dataclass(frozen=True, eq=False, slots=True)
class OpenConnection:
    """`close` ends it, and returns at once."""

    caller: Caller
    kind: Kind
    close: Callable[[], None]


class OpenConnections:
    """The open connections of one process."""

    def __init__(self) -> None:
        self._open: set[OpenConnection] = set()
        self._counts: Counter[tuple[int, Kind]] = Counter()  # by user and kind: each start asks

    def __len__(self) -> int:
        return len(self._open)

    def count(self, user_id: int, kind: Kind) -> int:
        return self._counts[user_id, kind]

    def check_room(self, caller: Caller, kind: Kind) -> None:
        """Raises Refused when the caller has as many open, at this process, as one may."""
        name = "MAX_OPEN_SOCKETS" if kind == "socket" else "MAX_OPEN_STREAMS"
        most = getattr(settings, name)
        if self.count(caller.user_id, kind) >= most:
            raise Refused(
                ErrorCode.RATE_LIMITED, f"You have {most} {kind}s open ({name}). Close one first.", retry_after=1
            )

    def add(self, caller: Caller, kind: Kind, close: Callable[[], None]) -> OpenConnection:
        connection = OpenConnection(caller, kind, close)
        self._open.add(connection)
        self._counts[caller.user_id, kind] += 1
        return connection

    def remove(self, connection: OpenConnection) -> None:
        if connection not in self._open:
            return
        self._open.remove(connection)
        counted = connection.caller.user_id, connection.kind
        self._counts[counted] -= 1
        if not self._counts[counted]:
            del self._counts[counted]

    @asynccontextmanager
    async def held(self, caller: Caller, kind: Kind) -> AsyncIterator[None]:
        """Hold a connection of this task open. Raises Refused, in its middle, when the credentials end."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as deadline:
                connection = self.add(caller, kind, lambda: deadline.reschedule(loop.time()))
                try:
                    yield
                finally:
                    self.remove(connection)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise Refused(ErrorCode.UNAUTHENTICATED, "These credentials are no longer valid.") from None

    async def watch(self) -> None:
        """Close, for ever, what has lost its right. While the database is away nothing is closed."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check()
            except (DatabaseError, InterfaceError) as error:
                log.warning("Open connections could not be checked: %s", type(error).__name__)
            except Exception:
                log.exception("Checking open connections failed")

    async def check(self) -> None:
        callers = {connection.caller for connection in self._open}
        if not callers:
            return
        valid = await in_database(still_valid, callers)
        for connection in [each for each in self._open if each.caller in callers - valid]:
            connection.close()
