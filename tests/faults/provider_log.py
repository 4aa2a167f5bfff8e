"""What the scripted provider says it was asked: the third witness beside readers and journal."""

import json
from hashlib import sha256
from typing import Any

import aiohttp

from tests.faults.waiting import until

Request = dict[str, Any]


class ProviderLog:
    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._url = base_url.removesuffix("/v1") + "/log"

    async def requests(self, message: str) -> list[Request]:
        """The bodies of all requests whose last message of a person is this one."""
        return list(await self._ask(f"asked={sha256(message.encode()).hexdigest()}"))

    async def lefts(self) -> list[float]:
        """When clients left answers before their end, in monotonic seconds."""
        return list(await self._ask("left"))

    async def _ask(self, query: str) -> Any:
        async with self._session.get(f"{self._url}?{query}") as answer:
            return json.loads(await answer.read())

    async def reached(self, message: str) -> None:
        """Return when the message has come to the provider."""

        async def has_come() -> bool:
            return bool(await self.requests(message))

        await until(has_come)

    async def left_at(self, number: int) -> float:
        """When the client after so many others left an answer before its end: waits for it."""

        async def has_left() -> bool:
            return len(await self.lefts()) > number

        await until(has_left)
        return (await self.lefts())[number]
