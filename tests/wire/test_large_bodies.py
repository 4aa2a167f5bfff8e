"""Bodies that are too large: refused without being kept."""

import asyncio
import json

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.rows import counts

pytestmark = on_sqlite
MIB = 1024 * 1024


async def post_raw(client: Client, head: str, pieces: list[bytes], *, path: str = "/chat") -> bytes:
    """Write a request as it is, and read the answer to its end, or what came until the server hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    start = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{start}Authorization: {client.headers['Authorization']}\r\n{head}\r\n".encode())
    answering = asyncio.create_task(reader.read(-1))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass  # refused before the end
    try:
        return await answering
    except ConnectionError:
        return b""
    finally:
        writer.close()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def test_a_message_that_is_longer_than_allowed_is_413_and_names_the_limit(alice: Client, server):
    before = counts(server)
    for body in ({"message": "x" * 100_001}, {"message": "x", "instructions": "x" * 100_001}):
        refused = await alice.post("/chat", body)
        assert (refused.status, refused.code) == (413, "invalid_request")
        assert "MAX_MESSAGE_CHARS" in refused.error["message"]
    assert counts(server) == before


async def test_the_longest_message_is_taken_whatever_its_characters(alice: Client):
    for character in ("x", "é", "世", "🎉"):
        told = await alice.ask(character * 100_000)
        assert told.status == 200
        messages = (await alice.get(f"/conversations/{told.json['conversation_id']}/messages")).json["results"]
        assert messages[-2]["content"] == character * 100_000


@pytest.mark.parametrize("path", ["/chat", "/chat/stream", "/agents/huge"])
async def test_a_hundred_megabytes_are_413_and_cost_no_memory(alice: Client, server, path):
    process = psutil.Process(server.pid)
    before, rows = process.memory_info().rss, counts(server)
    piece = b"x" * MIB
    answer = await post_raw(alice, f"Content-Length: {100 * MIB}\r\n", [piece] * 100, path=path)
    assert status(answer) == 413
    error = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])["error"]
    assert error["code"] == "invalid_request"
    assert error["request_id"].encode() in answer.partition(b"\r\n\r\n")[0]
    assert process.memory_info().rss - before < 10 * MIB
    assert counts(server) == rows


async def test_a_hundred_megabytes_in_chunks_of_unknown_length_are_413_too(alice: Client, server):
    process = psutil.Process(server.pid)
    before = process.memory_info().rss
    piece = b"%x\r\n%s\r\n" % (MIB, b"x" * MIB)
    answer = await post_raw(alice, "Transfer-Encoding: chunked\r\n", [*[piece] * 100, b"0\r\n\r\n"])
    assert status(answer) == 413
    assert process.memory_info().rss - before < 10 * MIB


@pytest.mark.parametrize("more", ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"], ids=["plain", "upgrade"])
async def test_a_413_has_the_headers_that_every_answer_has_and_the_connection_goes_on(server, more):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}"
    writer.write(f"{head}Content-Length: {4 * MIB}\r\n\r\n".encode() + b"x" * 4 * MIB)
    refused = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert status(refused) == 413
    for name in (b"content-security-policy", b"x-frame-options", b"x-content-type-options", b"cache-control", b"vary"):
        assert b"\r\n" + name + b": " in refused
    await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status(await reader.readuntil(b"\r\n\r\n")) == 200
    writer.close()


async def test_a_small_body_in_chunks_is_a_body(alice: Client):
    body = json.dumps({"message": "say:Chunked"}).encode()
    pieces = [b"%x\r\n%s\r\n" % (1, body[at : at + 1]) for at in range(len(body))]
    answer = await post_raw(alice, "Transfer-Encoding: chunked\r\n", [*pieces, b"0\r\n\r\n"])
    assert status(answer) == 200
    assert b'"response":"Chunked"' in answer


async def test_a_body_that_breaks_off_starts_nothing(alice: Client, server):
    before = counts(server)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = "POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
    writer.write(f'{head}Authorization: {alice.headers["Authorization"]}\r\n\r\n{{"message": "say:Half'.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await alice.get("/health")).status == 200
    assert counts(server) == before


async def test_a_frame_that_is_too_large_closes_its_socket_and_costs_no_memory(alice: Client, server):
    process = psutil.Process(server.pid)
    before = process.memory_info().rss
    async with alice.socket() as socket:
        try:
            await socket.connection.send("x" * (50 * MIB))
            with pytest.raises(ConnectionClosed):
                await socket.receive()
        except ConnectionClosed:
            pass
    assert process.memory_info().rss - before < 15 * MIB
    assert (await alice.ask("say:Hello")).status == 200


async def test_headers_that_are_too_large_are_refused_and_the_server_lives_on(alice: Client, server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Big: " + b"x" * (1 * MIB) + b"\r\n\r\n")
    answer = await reader.read(100)
    assert not answer.startswith(b"HTTP/1.1 200")
    assert not answer.startswith(b"HTTP/1.1 5")
    writer.close()
    assert (await alice.get("/health")).status == 200
