"""How far a reader at one process is behind a reader at the run's owner.

`python -m benchmarks.follow OWNER OTHER BODY COUNT` starts so many runs at the URL OWNER, follows each at the base URL
OTHER as well, and prints `{"p50", "p99"}` in seconds.
"""

import asyncio
import json
import re
import sys
import time
from urllib.parse import urlsplit

from benchmarks.load import Stream, middle_and_tail, request
from benchmarks.received import STAMP, Token, tokens

RUN_ID = re.compile(rb"\r\nx-run-id: ([0-9a-f-]+)\r\n", re.IGNORECASE)


async def opened(url: str, sent: bytes) -> Stream:
    parts = urlsplit(url)
    _, stream = await asyncio.get_running_loop().create_connection(lambda: Stream(sent), parts.hostname, parts.port)
    return stream


async def follow(owner: str, other: str, body: bytes) -> list[float]:
    """Seconds between the coming of each token here and there; only of those that came after both were reading."""
    near = await opened(owner, request(owner, body))
    await near.begun
    found = RUN_ID.search(near.reads[0].data)
    assert found, near.reads[:1]
    url = f"{other}/runs/{found[1].decode()}/events"
    far = await opened(url, request(url, b"", method="GET"))
    await far.begun
    reading = time.monotonic()
    await asyncio.gather(near.done, far.done)
    return [there.at - here.at for here, there in pairs(near, far) if here.at > reading]


def pairs(near: Stream, far: Stream) -> list[tuple[Token, Token]]:
    return list(zip(tokens(near.reads, STAMP), tokens(far.reads, STAMP), strict=True))


async def main(owner: str, other: str, body: str, count: int) -> None:
    behind = await asyncio.gather(*(follow(owner, other, body.encode()) for _ in range(count)))
    p50, p99 = middle_and_tail([each for run in behind for each in run])
    print(json.dumps({"p50": p50, "p99": p99}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
