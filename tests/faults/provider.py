"""`python -m tests.faults.provider`: the scripted provider, which also knows `large:TAG:BYTES`, a text of that size.

Its log is asked for often, while latencies are measured: it answers with no more than it is asked for. `GET /log?left`
says when clients left: in monotonic seconds, which all processes of a machine share. `GET /log?asked=DIGEST` holds the
requests whose last message of a person has that SHA-256.
"""

import asyncio
import contextlib
import json
from collections import Counter, defaultdict
from hashlib import sha256
from typing import Any

from tests.provider import Provider, Request
from tests.provider_script import SCENARIOS, Script, ending, scripted

PIECE = 20_000


def large(tag: str, size: str) -> Script:
    pieces = int(size) // PIECE
    return [*[{"text": f"{tag} ".ljust(PIECE, "x")}] * pieces, *ending(pieces)]


SCENARIOS["large"] = large


def digest_of(body: dict[str, Any]) -> str:
    """The SHA-256 of the last message of a person in a request."""
    said = [message["content"] for message in body.get("messages", []) if message["role"] == "user"]
    return sha256(str(said[-1] if said else "").encode()).hexdigest()


class Witness(Provider):
    def __init__(self) -> None:
        super().__init__(self._script_for)
        self._seen: Counter[bytes] = Counter()
        self._asked: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def _script_for(self, request: Request) -> Script:
        self._asked[digest_of(request.body)].append(request.body)
        self._seen[request.raw] += 1
        return scripted(request.body, self._seen[request.raw] - 1)

    def log(self, query: str) -> bytes:
        what, _, digest = query.partition("=")
        return json.dumps(self.disconnects if what == "left" else self._asked.get(digest, [])).encode()


async def main() -> None:
    async with Witness() as provider:
        print(provider.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
