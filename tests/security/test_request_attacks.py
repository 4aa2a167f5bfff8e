"""HTTP as attackers write it: 4xx or a closed connection, never 5xx, in bounded memory and time."""

import asyncio
import contextlib
import gzip
import json

import pytest

from tests.security.figures import record
from tests.security.frames import UPGRADE
from tests.security.house import MIB, House
from tests.security.sizes import SIZES

GET = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
TYPE = b"Content-Type: application/json\r\nAuthorization: KEY\r\nHost: localhost\r\nConnection: close\r\n"
POST = b"POST /chat HTTP/1.1\r\n" + TYPE


def body(data: bytes, *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return POST + lines + b"Content-Length: %d\r\n\r\n" % len(data) + data


def chat(**fields: object) -> bytes:
    return body(json.dumps({"message": "say:Hello", **fields}).encode())


def upgrade(*extra: str) -> bytes:
    return UPGRADE.format(extra="".join(f"{line}\r\n" for line in extra)).encode("latin-1")


REFUSED = {
    "a body deeper than any": body(b"[" * 500_000 + b"]" * 500_000),
    "objects deeper than any": body(b'{"a":' * 200_000 + b"1" + b"}" * 200_000),
    "a hundred thousand keys": body(json.dumps({f"k{number}": 1 for number in range(100_000)}).encode()),
    "a hundred thousand equal keys": body(b"{" + b'"message":"say:Hello",' * 50_000 + b'"a":1}'),
    "a number of a million digits": body(b'{"message": ' + b"9" * 1_000_000 + b"}"),
    "a long string where a flag belongs": body(b'{"message": "x", "reset_history": "' + b"x" * 1_000_000 + b'"}'),
    "a long key": body(json.dumps({"message": "x", "k" * 1_000_000: 1}).encode()),
    "a list of a million": body(b"[" + b"0," * 900_000 + b"0]"),
    "a body that is gzip": body(gzip.compress(b'{"message": "say:Hello"}'), b"Content-Encoding: gzip"),
    "a bomb that is gzip": body(gzip.compress(b"0" * (100 * MIB)), b"Content-Encoding: gzip"),
    "a length beyond all": POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "a length of many digits": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "lengths in one header": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "two equal lengths": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "a chunk beyond all": POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
    "a chunk below zero": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    "a long chunk extension": POST + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"x" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
    "two encodings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an encoding hidden behind a tab": POST + b"Transfer-Encoding:\tgzip\r\n\r\n",
    "a thousand headers": GET + b"".join(b"X-%d: 1\r\n" % number for number in range(1000)) + b"\r\n",
    "a header of a megabyte": GET + b"X: " + b"x" * MIB + b"\r\n\r\n",
    "headers of a megabyte": GET + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 4096) for n in range(256)) + b"\r\n",
    "a header folded without end": GET + b"X: 1\r\n" + b" x\r\n" * 100_000 + b"\r\n",
    "a cookie of a megabyte": GET + b"Cookie: " + b"a=1; " * 200_000 + b"\r\n\r\n",
    "a path of a megabyte": b"GET /" + b"x" * MIB + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a query of a megabyte": b"GET /agents?" + b"x=1&" * 250_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a path that climbs": GET.replace(b"/health/live", b"/static/../../../../etc/passwd") + b"\r\n",
    "a path that climbs in code": GET.replace(b"/health/live", b"/static/%2e%2e/%2e%2e/config/settings.py") + b"\r\n",
    "a method of raw bytes": b"\xff\xfe / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a method of a megabyte": b"G" * MIB + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a version of raw bytes": b"GET / HTTP/\xff.1\r\nHost: localhost\r\n\r\n",
    "a version of its own": b"GET / HTTP/9.9.9\r\nHost: localhost\r\n\r\n",
    "two spaces": b"GET  /  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/2 without TLS": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another address as path": chat().replace(b"/chat", b"http://other.example/chat"),
    "two hosts": chat().replace(b"localhost", b"localhost\r\nHost: other.example"),
    "a host with a path": chat().replace(b"localhost", b"localhost/evil"),
    "a tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "a socket of another version": upgrade().replace(b"Version: 13", b"Version: 99"),
    "a socket without a key": upgrade().replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
    "a socket with a short key": upgrade().replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"x"),
    "a socket by POST": upgrade().replace(b"GET", b"POST"),
    "a socket with a mount of raw bytes": upgrade("Daphne-Root-Path: \xff", "X-Odd: \xff", "Connection: close")
    .replace(b"/ws", b"/none"),
    "a socket from nowhere": upgrade("Origin: null"),
    "a socket from raw bytes": upgrade("Origin: \xff\xfe"),
    "a request with a mount of raw bytes": GET + b"Daphne-Root-Path: \xff\r\nTransfer-Encoding: gzip\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
async def test_a_request_that_is_an_attack_is_refused(house: House, what: str) -> None:
    before, told = house.memory(), len(house.server.log)
    answer = await house.send(REFUSED[what], seconds=15)
    assert answer == b"" or answer.split(b" ", 2)[1].startswith(b"4"), answer[:300]
    assert b"Traceback" not in answer
    assert b'File "' not in answer
    assert house.memory() - before < 24
    assert "Traceback" not in house.server.log[told:], house.server.log[told:]
    assert await house.is_well()


async def test_the_corpus_is_counted() -> None:
    record("Requests that are attacks", f"{len(REFUSED)} kinds: each 4xx or a closed connection, none 5xx")


async def test_nobody_but_the_operator_says_where_the_server_is_mounted(house: House) -> None:
    answer = await house.send(b"GET /admin/ HTTP/1.1\r\nHost: localhost\r\nDaphne-Root-Path: /evil\r\n"
                              b"Connection: close\r\n\r\n")  # fmt: skip
    assert b"evil" not in answer


async def test_a_subprotocol_of_raw_bytes_is_passed_over(house: House) -> None:
    told = len(house.server.log)
    answer = await house.send(upgrade("Sec-WebSocket-Protocol: \xff\xfe"), seconds=2)
    assert answer.startswith(b"HTTP/1.1 101")
    assert "Traceback" not in house.server.log[told:]


async def test_a_body_without_end_is_cut_in_bounded_memory(house: House) -> None:
    async with house.holds():
        reader, writer = await house.open()
        head = POST.replace(b"KEY", house.bearer["Authorization"].encode())
        writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
        answering = asyncio.create_task(reader.read())
        sent = 0
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                while not answering.done():
                    writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                    await writer.drain()
                    sent += 65536
        with contextlib.suppress(ConnectionError):
            await answering
        writer.close()
    record("A body without end", f"cut after {sent / MIB:.0f} MiB: {house.memory():.0f} MiB")


@pytest.mark.parametrize("start", [b"", b"GET", GET, POST + b"Content-Length: 1000\r\n\r\n"])
async def test_clients_that_send_byte_by_byte_are_cut(house: House, start: bytes) -> None:
    async with house.holds():
        opened = await asyncio.gather(*(house.open() for _ in range(SIZES.slow_clients)))
        async with asyncio.timeout(40):
            await asyncio.gather(*(trickle(reader, writer, start) for reader, writer in opened))
    record("Slow senders", f"{SIZES.slow_clients} at once that began with `{start[:12].decode()}`: all cut")


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes) -> None:
    """Send a byte now and then until the server hangs up."""
    writer.write(start)
    closed = asyncio.create_task(reader.read())
    with contextlib.suppress(ConnectionError):
        while not closed.done():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.4)
        await closed
    writer.close()


async def test_connections_that_ask_nothing_give_way_to_others(house: House) -> None:
    async with house.holds():
        opened = [await house.open() for _ in range(SIZES.idle_connections)]
        assert await house.is_well()
        async with asyncio.timeout(30):
            await asyncio.gather(*(reader.read() for reader, _ in opened), return_exceptions=True)
        for _, writer in opened:
            writer.close()
    record("Connections that ask nothing", f"{SIZES.idle_connections} open at once: others are served, all cut")


@pytest.mark.parametrize("path", [b"/openapi.json", b"/health", b"/static/chat/main.js"])
async def test_many_requests_at_once_whose_answers_are_never_read_cost_no_memory(house: House, path: bytes) -> None:
    async with house.holds():
        opened = [await house.open() for _ in range(SIZES.pipelines)]
        for _, writer in opened:
            writer.write(
                GET.replace(b"/health/live", path) + b"\r\n" + (GET.replace(b"/health/live", path) + b"\r\n") * 200
            )
        await asyncio.sleep(SIZES.flood_seconds)
        for _, writer in opened:
            writer.transport.abort()
    record("Answers that are never read", f"{SIZES.pipelines} x 200 requests for {path.decode()} in one write: "
           f"{house.memory():.0f} MiB")  # fmt: skip
