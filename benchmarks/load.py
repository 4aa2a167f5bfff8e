"""The load: a process that opens streams, reads them to their end, and checks that every token has come.

`python -m benchmarks.load URL BODY SCENARIO --streams 100 --ramp 1` prints one JSON object, see `Outcome`. BODY is the
request's JSON. The scenario is the provider's: `stamped:200:20`, `paced:200:20` or `burst:500`. The streams of a wave
are opened within `--ramp` seconds. What they have received is taken apart afterwards, so that the load stays cheap.
"""

import argparse
import asyncio
import gc
import json
import time
from dataclasses import asdict, dataclass
from statistics import quantiles
from urllib.parse import urlsplit

from benchmarks.received import COUNTED, STAMP, Read, gaps, tokens

DEADLINE = 90.0  # seconds for one wave
BUSY = b"HTTP/1.1 503"
PAUSE = 0.5  # seconds after which a client that was sent away comes back


@dataclass
class Outcome:
    """What one load saw; times in seconds.

    `first` counts from the request to the first token; `delay` from the sending of a token by the provider to its
    coming here, for stamped tokens; `gap` between two reads that brought tokens.
    """

    tokens: int
    seconds: float
    first_p50: float
    first_p99: float
    first_delay_p50: float = 0.0
    first_delay_p99: float = 0.0
    delay_p50: float = 0.0
    delay_p99: float = 0.0
    delay_max: float = 0.0
    gap_p99: float = 0.0


class Stream(asyncio.Protocol):
    """One request and its answer, read until the server closes."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.reads: list[Read] = []
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.sent = time.monotonic()
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.reads.append(Read(time.monotonic(), data))
        if not self.begun.done():
            self.begun.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.begun, self.done):
            if not future.done():
                future.set_result(None)


def request(url: str, body: bytes, *, method: str = "POST") -> bytes:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    head = f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/event-stream\r\n"
    kind = "Content-Type: application/json\r\n" if body else ""
    return f"{head}{kind}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def answered(url: str, sent: bytes) -> Stream:
    """Ask until there is an answer, and read it to its end: a server that is too busy sends its clients away for a
    moment, as it should, and what they wait then counts. Raises AssertionError where the answer is no success.
    """
    parts, asked = urlsplit(url), time.monotonic()
    loop = asyncio.get_running_loop()
    while True:
        _, stream = await loop.create_connection(lambda: Stream(sent), parts.hostname, parts.port)
        await stream.done
        assert stream.reads, "the server closed without an answer"
        if not stream.reads[0].data.startswith(BUSY):
            assert stream.reads[0].data.startswith(b"HTTP/1.1 200"), stream.reads[0].data[:500]
            stream.sent = asked
            return stream
        await asyncio.sleep(PAUSE)


async def wave(url: str, sent: bytes, *, streams: int, ramp: float) -> list[Stream]:
    """Open so many streams within `ramp` seconds, and return when all have ended."""

    async def stream(number: int) -> Stream:
        await asyncio.sleep(number * ramp / streams)
        return await answered(url, sent)

    async with asyncio.timeout(DEADLINE):
        return await asyncio.gather(*(stream(number) for number in range(streams)))


def outcome(streams: list[Stream], scenario: str, seconds: float) -> Outcome:
    """Check that every token has come once and in order. Raises AssertionError."""
    kind, count = scenario.split(":")[:2]
    stamped = kind == "stamped"
    first: list[float] = []
    first_delays: list[float] = []
    delays: list[float] = []
    pauses: list[float] = []
    for stream in streams:
        found = tokens(stream.reads, STAMP if stamped else COUNTED)
        values = [token.value for token in found]
        expected = sorted(values) if stamped else [float(number) for number in range(int(count))]
        assert values == expected, f"tokens are missing or out of order: {values[:10]} …"
        assert len(found) == int(count), f"{len(found)} of {count} tokens have come"
        first.append(found[0].at - stream.sent)
        pauses += gaps(found)
        if stamped:
            first_delays.append(found[0].at - found[0].value)
            delays += [token.at - token.value for token in found]
    return Outcome(
        len(streams) * int(count),
        seconds,
        *middle_and_tail(first),
        *middle_and_tail(first_delays),
        *middle_and_tail(delays),
        delay_max=max(delays, default=0.0),
        gap_p99=middle_and_tail(pauses)[1],
    )


def middle_and_tail(values: list[float]) -> tuple[float, float]:
    """The 50th and the 99th percentile."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (0.0, 0.0)
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


async def load(url: str, body: bytes, scenario: str, *, streams: int, waves: int, ramp: float) -> Outcome:
    sent = request(url, body)
    start = time.monotonic()
    done = [stream for _ in range(waves) for stream in await wave(url, sent, streams=streams, ramp=ramp)]
    return outcome(done, scenario, time.monotonic() - start)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("body")
    parser.add_argument("scenario")
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--waves", type=int, default=1)
    parser.add_argument("--ramp", type=float, default=0.0)
    given = parser.parse_args()
    gc.disable()  # it would look through all that has come, for a tenth of a second in which nothing comes
    seen = asyncio.run(
        load(given.url, given.body.encode(), given.scenario, streams=given.streams, waves=given.waves, ramp=given.ramp)
    )
    print(json.dumps(asdict(seen)))
