"""Frames that nobody should send: an error frame, and the socket stays open."""

import json

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.rows import counts

pytestmark = on_sqlite
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
FRAMES: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "invalid_request"),
    "a word": ("hello", "invalid_request"),
    "half an object": ('{"type": "chat"', "invalid_request"),
    "binary JSON": (b'{"type": "ping"}', "invalid_request"),
    "binary": (b"\x00\xff\xfe", "invalid_request"),
    "a list": ("[]", "invalid_request"),
    "a number": ("7", "invalid_request"),
    "null": ("null", "invalid_request"),
    "a thousand brackets": ("[" * 1000 + "]" * 1000, "invalid_request"),
    "a hundred thousand brackets": ("[" * 100_000, "invalid_request"),
    "deep data": ('{"type":"chat","data":' + '{"a":' * 500 + "1" + "}" * 501, "invalid_request"),
    "no type": ('{"data": {"message": "a"}}', "invalid_request"),
    "a type that is none": ('{"type": "shout"}', "invalid_request"),
    "a type that comes later": ('{"type": "approve", "data": {}}', "invalid_request"),
    "a number for type": ('{"type": 1}', "invalid_request"),
    "a field too many": ('{"type": "ping", "extra": 1}', "invalid_request"),
    "data that is a text": ('{"type": "chat", "data": "hello"}', "invalid_request"),
    "data that is null": ('{"type": "chat", "data": null}', "invalid_request"),
    "a number for id": ('{"type": "ping", "id": 5}', "invalid_request"),
    "a long id": (json.dumps({"type": "ping", "id": "x" * 101}), "invalid_request"),
    "no message": ('{"type": "chat", "data": {}}', "invalid_request"),
    "a chat without data": ('{"type": "chat"}', "invalid_request"),
    "an empty message": ('{"type": "chat", "data": {"message": " "}}', "invalid_request"),
    "a number for message": ('{"type": "chat", "data": {"message": 1}}', "invalid_request"),
    "a misspelt option": ('{"type": "chat", "data": {"message": "a", "reset": true}}', "invalid_request"),
    "a NUL": ('{"type": "chat", "data": {"message": "a\\u0000"}}', "invalid_request"),
    "half a surrogate pair": ('{"type": "chat", "data": {"message": "\\ud83d"}}', "invalid_request"),
    "a message that is too long": (json.dumps({"type": "chat", "data": {"message": "x" * 100_001}}), "invalid_request"),
    "an empty agent": ('{"type": "chat", "data": {"message": "a", "agent_name": ""}}', "invalid_request"),
    "an unknown agent": ('{"type": "chat", "data": {"message": "a", "agent_name": "nobody"}}', "agent_not_found"),
    "an unknown conversation": (
        json.dumps({"type": "chat", "data": {"message": "a", "conversation_id": UNKNOWN}}),
        "not_found",
    ),
    "a resume without data": ('{"type": "resume"}', "invalid_request"),
    "a resume of nothing": (json.dumps({"type": "resume", "data": {"run_id": UNKNOWN}}), "not_found"),
    "a resume of no id": ('{"type": "resume", "data": {"run_id": "../x"}}', "not_found"),
    "a cursor below zero": (
        json.dumps({"type": "resume", "data": {"run_id": UNKNOWN, "after": -1}}),
        "invalid_request",
    ),
    "a cursor that is a text": (
        json.dumps({"type": "resume", "data": {"run_id": UNKNOWN, "after": "1"}}),
        "invalid_request",
    ),
    "a cursor that is null": (
        json.dumps({"type": "resume", "data": {"run_id": UNKNOWN, "after": None}}),
        "invalid_request",
    ),
    "a cancel of nothing": (json.dumps({"type": "cancel", "data": {"run_id": UNKNOWN}}), "not_found"),
    "a cancel without a run": ('{"type": "cancel", "data": {}}', "invalid_request"),
}


@pytest.mark.parametrize("what", FRAMES)
async def test_a_frame_that_cannot_be_used_gets_an_error_and_the_socket_stays_open(charlie: Client, server, what):
    frame, code = FRAMES[what]
    before = counts(server)
    async with charlie.socket() as socket:
        await socket.connection.send(frame)
        answer = await socket.receive()
        assert (answer["type"], answer["data"]["error_code"]) == ("error", code)
        assert answer["data"]["error_message"]
        await socket.send("ping")
        assert (await socket.receive())["type"] == "pong"
    assert counts(server) == before


async def test_a_huge_cursor_on_a_real_run_is_refused(charlie: Client):
    run_id = (await charlie.ask("say:Hello")).json["run_id"]
    async with charlie.socket() as socket:
        for after in (10**6, 2**31, 2**63, 2**64, 10**30):
            await socket.send("resume", {"run_id": run_id, "after": after})
            assert (await socket.receive())["data"]["error_code"] == "invalid_request"


async def test_many_bad_frames_do_not_tire_the_socket(charlie: Client):
    async with charlie.socket() as socket:
        for number in range(200):
            await socket.connection.send(f"garbage {number}")
        for _ in range(200):
            assert (await socket.receive())["type"] == "error"
        assert (await socket.chat("say:Hello"))[-1]["type"] == "chat_complete"


async def test_another_path_is_no_socket(charlie: Client, server):
    for path in ("/ws/", "/chat", "/nothing", "/"):
        url = f"{server.url}{path}"
        headers = {**charlie.headers, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
        async with charlie.session.get(url, headers=headers) as answer:
            assert answer.status in {403, 404}, path
    assert "Traceback" not in server.log
