"""Callers: a process in which so many clients ask, wait for the whole answer, and ask again.

`python -m benchmarks.callers URL BODY --callers 32 --requests 1000` prints one JSON object, see `Calls`. Without a
BODY they GET.
"""

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass

from benchmarks.load import answered, middle_and_tail, request


@dataclass
class Calls:
    """How long all calls took together, one took from its sending to its end, and to its first byte; in seconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    first_byte_p50: float
    first_byte_p99: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


async def call(url: str, body: bytes, *, callers: int, requests: int) -> Calls:
    """Raises AssertionError where an answer is not a successful one."""
    sent = request(url, body, method="POST" if body else "GET")
    left = iter(range(requests))
    whole: list[float] = []
    first: list[float] = []

    async def caller() -> None:
        for _ in left:
            stream = await answered(url, sent)
            whole.append(time.monotonic() - stream.sent)
            first.append(stream.reads[0].at - stream.sent)

    start = time.monotonic()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return Calls(requests, time.monotonic() - start, *middle_and_tail(whole), *middle_and_tail(first))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("body", nargs="?", default="")
    parser.add_argument("--callers", type=int, required=True)
    parser.add_argument("--requests", type=int, required=True)
    given = parser.parse_args()
    seen = asyncio.run(call(given.url, given.body.encode(), callers=given.callers, requests=given.requests))
    print(json.dumps(asdict(seen)))
