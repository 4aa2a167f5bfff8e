"""A reader of a run that is cut, or loses its server, and comes back with its cursor: anywhere, by any transport."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from tests.faults.checker import Reading, Received
from tests.faults.person import AWAY, RETRY_SECONDS, TRANSPORTS, Address, Person, Transport, Unavailable


@dataclass
class Reader:
    """`server` and `transport` bind it; without them each connection picks its own. Times are in seconds."""

    person: Person
    run_id: str
    name: str = "reader"
    server: Address | None = None
    transport: Transport | None = None
    longest_silence: float = 0.0
    lost: int = 0  # connections that ended before the run did
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading(self.name)

    async def read(self, *, cuts: Sequence[int] = (), within: float = 120) -> Reading:
        """Read to the end. Each cut is a number of events after which the reader hangs up and comes back."""
        async with asyncio.timeout(within):
            for count in cuts:
                if await self._connect(count):
                    return self.reading
            while not await self._connect(None):
                self.lost += 1
                await asyncio.sleep(RETRY_SECONDS)
        return self.reading

    async def _connect(self, count: int | None) -> bool:
        """Take so many events, or all that come; whether the run has ended."""
        random = self.person.random
        server, transport = self.server or self.person.cluster.pick(random), self.transport or random.choice(TRANSPORTS)
        try:
            follow = self.person.follow(self.run_id, self.reading.cursor, server=server, transport=transport)
            async with aclosing(follow) as events:
                return await self._take(events, count)
        except (*AWAY, Unavailable):
            return False

    async def _take(self, events: AsyncIterator[Received], count: int | None) -> bool:
        last = time.monotonic()
        async for each in events:
            now = time.monotonic()
            self.longest_silence, last = max(self.longest_silence, now - last), now
            self.reading.received.append(each)
            if each.is_terminal:
                return True
            count = None if count is None else count - 1
            if count == 0:
                break
        return False
