"""HTTP as nobody writes it: no 5xx, no traceback in the log, and the server goes on."""

import asyncio
import contextlib

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.rows import counts

pytestmark = on_sqlite
BODY = b'{"message": "say:Hello"}'


async def converse(client: Client, request: bytes, *, patience: float = 5) -> bytes:
    """Write the bytes as they are (KEY becomes the person's); what comes until the server closes or patience ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    writer.write(request.replace(b"KEY", client.headers["Authorization"].encode()))
    answer = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(patience):
            while piece := await reader.read(65536):
                answer += piece
    writer.close()
    return answer


def post(*lines: bytes, path: bytes = b"/chat", version: bytes = b"HTTP/1.1", body: bytes = BODY) -> bytes:
    head = [b"POST " + path + b" " + version, b"Authorization: KEY", b"Connection: close", *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


TYPE, HOST = b"Content-Type: application/json", b"Host: localhost"
LENGTH = b"Content-Length: %d" % len(BODY)
REFUSED: dict[str, bytes] = {
    "no host": post(TYPE, LENGTH),
    "an empty host": post(TYPE, LENGTH, b"Host: "),
    "two lengths": post(TYPE, HOST, LENGTH, b"Content-Length: 3"),
    "a length below zero": post(TYPE, HOST, b"Content-Length: -5"),
    "a length that is a word": post(TYPE, HOST, b"Content-Length: many"),
    "length and chunks": post(TYPE, HOST, LENGTH, b"Transfer-Encoding: chunked"),
    "an unknown transfer encoding": post(TYPE, HOST, b"Transfer-Encoding: gzip"),
    "chunks without a size": post(TYPE, HOST, b"Transfer-Encoding: chunked", body=b"zz\r\nhello\r\n0\r\n\r\n"),
    "a header without a colon": post(TYPE, HOST, LENGTH, b"Nonsense"),
    "a space before the colon": post(TYPE, HOST, LENGTH, b"X-Odd : 1"),
    "a NUL in a header": post(TYPE, HOST, LENGTH, b"X-Odd: a\x00b"),
    "a path of raw bytes": post(TYPE, HOST, LENGTH, path=b"/ch\xffat"),
    "a query of raw bytes": post(TYPE, HOST, LENGTH, path=b"/chat?\xff=\xfe"),
    "no path": b"GET\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a bare newline": b"\n\n\n\n",
    "a body shorter than its length": post(TYPE, HOST, b"Content-Length: 1000"),
    "a body longer than its length": post(TYPE, HOST, b"Content-Length: 5"),
    "a path upwards": post(TYPE, HOST, LENGTH, path=b"/../../etc/passwd"),
    "a path with a NUL": post(TYPE, HOST, LENGTH, path=b"/chat%00"),
    "a trailing slash": post(TYPE, HOST, LENGTH, path=b"/chat/"),
    "a double slash": post(TYPE, HOST, LENGTH, path=b"//chat"),
}
UNFINISHED = {"garbage", "a bare newline", "a body shorter than its length"}  # the server waits for the rest
TAKEN: dict[str, bytes] = {
    "many headers": post(TYPE, HOST, LENGTH, *[b"X-Odd-%d: 1" % number for number in range(200)]),
    "odd cookies": post(TYPE, HOST, LENGTH, b'Cookie: =; ;;a=b=c; "; sessionid', b"Cookie: more=1"),
    "a header of raw bytes": post(TYPE, HOST, LENGTH, b"X-Odd: \xff\xfe"),
    "a query that means nothing": post(TYPE, HOST, LENGTH, path=b"/chat?a=1&a=2&%ZZ&format=xml"),
    "an accept header that means nothing": post(TYPE, HOST, LENGTH, b"Accept: ;;;q=x,,/"),
    "an encoding that is not served": post(TYPE, HOST, LENGTH, b"Accept-Encoding: zstd;q=1, *;q=0"),
    "HTTP/1.0": post(TYPE, HOST, LENGTH, version=b"HTTP/1.0"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_request_that_breaks_the_protocol_starts_nothing(charlie: Client, server, what):
    before = counts(server)
    answer = await converse(charlie, REFUSED[what], patience=0.4 if what in UNFINISHED else 5)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:200]
    assert b"Traceback" not in answer
    assert counts(server) == before
    assert (await charlie.get("/health/live")).status == 200


@pytest.mark.parametrize("what", TAKEN)
async def test_a_request_that_is_only_odd_is_answered(charlie: Client, what):
    answer = await converse(charlie, TAKEN[what])
    assert answer.split(b" ", 2)[1] == b"200", answer[:300]
    assert b'"response":"Hello"' in answer


async def test_numbers_without_end_are_refused(charlie: Client):
    for number in (b"1e999", b"-1e999", b"1" + b"0" * 400, b"NaN", b"Infinity", b"1e400"):
        refused = await charlie.post("/agents/endless", b'{"tool_call_timeout": %s}' % number)
        assert (refused.status, refused.code) == (400, "invalid_request"), number
        refused = await charlie.post("/agents/endless", b'{"max_rounds": %s}' % number)
        assert (refused.status, refused.code) == (400, "invalid_request"), number


async def test_requests_one_after_the_other_on_one_connection_are_answered_in_order(charlie: Client):
    one = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = await converse(charlie, one + one + last)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.index(b"HTTP/1.1 404") > answer.rindex(b"HTTP/1.1 200")


async def test_the_answer_to_head_is_a_head_and_the_next_one_is_not_mistaken_for_its_body(charlie: Client):
    async with charlie.stream("stall:1") as stream:
        await stream.until("chat_chunk")
    last = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for path in ("/openapi.json", "/docs", "/", "/agents", f"/runs/{stream.run_id}/events", "/static/chat/main.js"):
        head = b"HEAD %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: KEY\r\n\r\n" % path.encode()
        answer = await converse(charlie, head + last, patience=20)
        first, second, body = answer.split(b"\r\n\r\n", 2)
        assert first.startswith(b"HTTP/1.1 200"), path
        assert second.startswith(b"HTTP/1.1 200"), path
        assert b"live" in body
    await charlie.post(f"/runs/{stream.run_id}/cancel")


async def test_nothing_odd_left_a_traceback_in_the_log(charlie: Client, server):
    for request in [*REFUSED.values(), *TAKEN.values()]:
        await converse(charlie, request, patience=0.4)
    assert "Traceback" not in server.log
