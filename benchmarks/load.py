"""The load: a process that opens streams, reads them to their end, and checks that every token has come.

`python -m benchmarks.load URL SCENARIO --streams 100 --ramp 1` prints one JSON object, see `Outcome`. The scenario is
the provider's: `stamped:200:20` or `burst:500`. The streams of a wave are opened within `--ramp` seconds.
"""

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from benchmarks.received import COUNTED, STAMP, Read, gaps, tokens

DEADLINE = 60.0  # seconds for one wave


@dataclass
class Outcome:
    """What one load saw; times in seconds.

    `first` holds, per stream, how long the first token took: from its sending by the provider where the tokens are
    stamped, else from the request. `gaps` holds the pauses between reads.
    """

    tokens: int
    seconds: float
    first: list[float]
    gaps: list[float]


class Stream(asyncio.Protocol):
    """One request and its answer, read until the server closes."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.reads: list[Read] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.sent = time.monotonic()
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.reads.append(Read(time.monotonic(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def request(host: str, path: str, scenario: str) -> bytes:
    body = json.dumps({"message": scenario, "reset_history": True}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


async def wave(url: str, scenario: str, *, streams: int, ramp: float) -> list[Stream]:
    """Open so many streams within `ramp` seconds, and return when all have ended."""
    parts = urlsplit(url)
    sent = request(parts.netloc, parts.path, scenario)
    loop = asyncio.get_running_loop()

    async def stream(number: int) -> Stream:
        await asyncio.sleep(number * ramp / streams)
        _, opened = await loop.create_connection(lambda: Stream(sent), parts.hostname, parts.port)
        await opened.done
        return opened

    async with asyncio.timeout(DEADLINE):
        return await asyncio.gather(*(stream(number) for number in range(streams)))


def outcome(streams: list[Stream], scenario: str, seconds: float) -> Outcome:
    """Check that every token has come once and in order. Raises AssertionError."""
    kind, count = scenario.split(":")[:2]
    stamped = kind == "stamped"
    result = Outcome(0, seconds, [], [])
    for stream in streams:
        found = tokens(stream.reads, STAMP if stamped else COUNTED)
        values = [token.value for token in found]
        expected = sorted(values) if stamped else [float(number) for number in range(int(count))]
        assert values == expected, f"tokens are missing or out of order: {values[:10]} …"
        assert len(found) == int(count), f"{len(found)} of {count} tokens have come"
        result.tokens += len(found)
        result.first.append(found[0].at - (found[0].value if stamped else stream.sent))
        result.gaps.extend(gaps(found))
    return result


async def load(url: str, scenario: str, *, streams: int, waves: int, ramp: float) -> Outcome:
    start = time.monotonic()
    done = [stream for _ in range(waves) for stream in await wave(url, scenario, streams=streams, ramp=ramp)]
    return outcome(done, scenario, time.monotonic() - start)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("scenario")
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--waves", type=int, default=1)
    parser.add_argument("--ramp", type=float, default=0.0)
    given = parser.parse_args()
    seen = asyncio.run(load(given.url, given.scenario, streams=given.streams, waves=given.waves, ramp=given.ramp))
    print(json.dumps(asdict(seen)))
