"""`python -m tests.faults.provider`: the scripted provider, which also knows `large:TAG:BYTES`, a text of that size.

Its log says when clients left too: in monotonic seconds, which all processes of a machine share.
"""

import asyncio
import contextlib
import json
from collections import Counter

from tests.provider import Provider, Request
from tests.provider_script import SCENARIOS, Script, ending, scripted

PIECE = 20_000


def large(tag: str, size: str) -> Script:
    pieces = int(size) // PIECE
    return [*[{"text": f"{tag} ".ljust(PIECE, "x")}] * pieces, *ending(pieces)]


SCENARIOS["large"] = large


class Witness(Provider):
    def log(self) -> bytes:
        return json.dumps({**json.loads(super().log()), "left_at": self.disconnects}).encode()


async def main() -> None:
    seen: Counter[bytes] = Counter()

    def script(request: Request) -> Script:
        seen[request.raw] += 1
        return scripted(request.body, seen[request.raw] - 1)

    async with Witness(script) as provider:
        print(provider.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
