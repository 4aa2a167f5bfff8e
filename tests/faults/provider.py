"""`python -m tests.faults.provider`: the scripted provider, which also knows `large:TAG:BYTES`, a text of that size."""

import asyncio
import contextlib

from tests.provider import serve
from tests.provider_script import SCENARIOS, Script, ending

PIECE = 20_000


def large(tag: str, size: str) -> Script:
    pieces = int(size) // PIECE
    return [*[{"text": f"{tag} ".ljust(PIECE, "x")}] * pieces, *ending(pieces)]


SCENARIOS["large"] = large

if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(0))
