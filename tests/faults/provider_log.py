"""What the scripted provider says it was asked: the third witness beside readers and journal."""

import json
from typing import Any

import aiohttp

from tests.faults.waiting import until

Request = dict[str, Any]


class ProviderLog:
    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._url = base_url.removesuffix("/v1") + "/log"

    async def state(self) -> dict[str, Any]:
        async with self._session.get(self._url) as answer:
            return dict(json.loads(await answer.read()))

    async def requests(self, message: str) -> list[Request]:
        """The bodies of all requests whose last message of a person is this one."""
        bodies = [request["body"] for request in (await self.state())["requests"]]
        return [body for body in bodies if _asked(body) == message]

    async def reached(self, message: str) -> None:
        """Return when the message has come to the provider."""

        async def has_come() -> bool:
            return bool(await self.requests(message))

        await until(has_come)

    async def left_at(self, number: int) -> float:
        """When the client after so many others left an answer before its end: waits for it. Monotonic seconds."""

        async def has_left() -> bool:
            return int((await self.state())["disconnects"]) > number

        await until(has_left)
        return float((await self.state())["left_at"][number])


def _asked(body: Request) -> str:
    said = [message["content"] for message in body.get("messages", []) if message["role"] == "user"]
    return str(said[-1]) if said else ""
