"""Requests that nobody should send: the contract's error, no 5xx, and nothing stored half."""

import json
from typing import Any

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.rows import counts

pytestmark = on_sqlite
OK = {"message": "say:Hello"}
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
DEEP = "[" * 1000 + "]" * 1000

BODIES: dict[str, tuple[bytes | dict[str, Any] | list[Any], str]] = {
    "nothing": (b"", "not valid JSON"),
    "a word": (b"hello", "not valid JSON"),
    "half an object": (b'{"message": "hel', "not valid JSON"),
    "two objects": (b'{"message": "a"}{"message": "b"}', "not valid JSON"),
    "single quotes": (b"{'message': 'a'}", "not valid JSON"),
    "a trailing comma": (b'{"message": "a",}', "not valid JSON"),
    "not a number": (b'{"message": NaN}', "not valid JSON"),
    "an infinite number": (b'{"message": 1e999}', ""),
    "latin-1": ('{"message": "é"}'.encode("latin-1"), "JSON"),
    "utf-16": ('{"message": "a"}'.encode("utf-16"), "not valid JSON"),
    "a byte order mark": (b'\xef\xbb\xbf{"message": "a"}', "not valid JSON"),
    "half a surrogate pair": (b'{"message": "\\ud800"}', ""),
    "half a pair, raw": (b'{"message": "\xed\xa0\x80"}', ""),
    "the other half": (b'{"message": "x", "instructions": "\\udc00"}', ""),
    "a NUL": (b'{"message": "a\\u0000b"}', "NUL"),
    "a raw NUL": (b'{"message": "a\x00b"}', ""),
    "a NUL in a name": (b'{"mess\\u0000age": "a"}', ""),
    "a thousand brackets": (DEEP.encode(), "nested too deeply"),
    "a thousand brackets inside": (f'{{"message": {DEEP}}}'.encode(), "nested too deeply"),
    "a hundred thousand brackets": (b"[" * 100_000, ""),
    "a thousand objects": (b'{"a":' * 1000 + b"1" + b"}" * 1000, "nested too deeply"),
    "a list": ([OK], "object"),
    "a text": (b'"hello"', "object"),
    "a number": (b"7", "object"),
    "null": (b"null", "object"),
    "an empty object": ({}, "`message`"),
    "no message": ({"reset_history": True}, "`message`"),
    "an empty message": ({"message": ""}, "`message` is empty"),
    "a blank message": ({"message": " \n\t\u2003"}, "`message` is empty"),
    "a number for message": ({"message": 5}, "`message`"),
    "null for message": ({"message": None}, "`message`"),
    "a list for message": ({"message": ["a"]}, "`message`"),
    "a message of parts": ({"message": {"type": "text", "text": "a"}}, "`message`"),
    "a text for a flag": ({**OK, "reset_history": "true"}, "`reset_history`"),
    "a number for a flag": ({**OK, "parallel_tools": 1}, "`parallel_tools`"),
    "null for a flag": ({**OK, "parallel_tools": None}, "`parallel_tools`"),
    "a number for an agent": ({**OK, "agent_name": 1}, "`agent_name`"),
    "an empty agent": ({**OK, "agent_name": ""}, "`agent_name` is empty"),
    "a number for a conversation": ({**OK, "conversation_id": 1}, "`conversation_id`"),
    "a huge number": (b'{"message": ' + b"9" * 5000 + b"}", ""),
    "a list for instructions": ({**OK, "instructions": ["a"]}, "`instructions`"),
    "a misspelt option": ({**OK, "reset_histroy": True}, "`reset_histroy`"),
    "the original's history": ({**OK, "history": []}, "`history`"),
    "an option in capitals": ({**OK, "Message": "b"}, "`Message`"),
    "an inherited name": ({**OK, "__class__": "b"}, "`__class__`"),
}


@pytest.mark.parametrize("path", ["/chat", "/chat/stream"])
@pytest.mark.parametrize("what", BODIES)
async def test_a_body_that_cannot_be_used_is_refused_and_nothing_is_stored(charlie: Client, server, path, what):
    body, told = BODIES[what]
    before = counts(server)
    refused = await charlie.post(path, body)
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert told in refused.error["message"]
    assert set(refused.json) == {"error"}
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.error["request_id"] == refused.headers["X-Request-Id"]
    assert counts(server) == before


@pytest.mark.parametrize("path", ["/chat", "/chat/stream"])
async def test_the_later_of_two_equal_keys_counts(charlie: Client, path):
    answer = await charlie.post(path, b'{"message": "say:First", "message": "say:Second"}')
    assert answer.status == 200
    assert b"Second" in answer.body
    assert b"First" not in answer.body


@pytest.mark.parametrize("agent", ["nobody", "../default", "DEFAULT", "x" * 5000, "'; DROP TABLE", "default "])
async def test_an_agent_that_is_not_there_is_404(charlie: Client, server, agent):
    before = counts(server)
    refused = await charlie.ask("say:Hello", agent_name=agent)
    assert (refused.status, refused.code) == (404, "agent_not_found")
    assert counts(server) == before


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/chat", "/chat/stream"])
async def test_another_method_is_405(charlie: Client, server, method, path):
    before = counts(server)
    body = OK if method not in {"HEAD", "GET", "TRACE"} else None
    refused = await charlie.send(method, path, body)
    assert refused.status == 405
    if method != "HEAD":
        assert refused.code == "invalid_request"
        assert "POST" in refused.headers["Allow"]
    assert counts(server) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/health"), ("POST", "/conversations"), ("DELETE", "/agents"), ("GET", "/runs/{id}/cancel"),
     ("POST", "/runs/{id}"), ("PUT", "/conversations/{id}"), ("POST", "/conversations/{id}/messages"),
     ("DELETE", "/runs/{id}/events"), ("POST", "/tools"), ("POST", "/openapi.json"), ("DELETE", "/docs"),
     ("POST", "/redoc"), ("PUT", "/health/live"), ("OPTIONS", "/docs")],
)  # fmt: skip
async def test_methods_that_a_route_does_not_have_are_405(charlie: Client, method, path):
    refused = await charlie.send(method, path.format(id=UNKNOWN), {} if method != "GET" else None)
    assert (refused.status, refused.code) == (405, "invalid_request")


@pytest.mark.parametrize(
    "path",
    ["/chat", "/chat/stream", "/runs/{id}", "/runs/{id}/events", "/runs/{id}/cancel", "/conversations",
     "/conversations/{id}", "/agents", "/agents/default", "/tools", "/health", "/openapi.json"],
)  # fmt: skip
async def test_options_names_the_methods_of_a_route(charlie: Client, path):
    told = await charlie.send("OPTIONS", path.format(id=UNKNOWN))
    assert told.status == 200
    assert "OPTIONS" in told.headers["Allow"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
     "application/jsonp", "json", "text/json", "application/json-patch+json", ";", "é"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/chat", "/chat/stream", "/agents/typed", "/conversations/{id}"])
async def test_a_body_that_is_not_called_json_is_415(charlie: Client, server, path, content_type):
    before = counts(server)
    method = "PATCH" if "{id}" in path else "POST"
    where = path.format(id=UNKNOWN)
    refused = await charlie.send(method, where, json.dumps(OK).encode(), headers={"Content-Type": content_type})
    assert (refused.status, refused.code) == (415, "invalid_request")
    assert counts(server) == before


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [(None, 200, ""), (b"", 200, ""), ({}, 200, ""), (b" {} ", 200, ""), ({"run_id": UNKNOWN}, 400, "`run_id`"),
     ([], 400, "object"), (b"null", 400, "object"), (b"hello", 400, "not valid JSON"), (DEEP.encode(), 400, "nested")],
)  # fmt: skip
async def test_a_command_without_options_takes_none(charlie: Client, body, status, told):
    run_id = (await charlie.ask("say:Hello")).json["run_id"]
    for path, made in ((f"/runs/{run_id}/cancel", 200), ("/ws/ticket", 201)):
        answer = await charlie.post(path, body)
        assert answer.status == (made if status == 200 else status)
        if status != 200:
            assert answer.code == "invalid_request"
            assert told in answer.error["message"]


async def test_an_empty_form_is_no_body(charlie: Client):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    run_id = (await charlie.ask("say:Hello")).json["run_id"]
    assert (await charlie.post(f"/runs/{run_id}/cancel", b"", headers=form)).status == 200
    assert (await charlie.post(f"/runs/{run_id}/cancel", b"a=b", headers=form)).status == 415


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON ;x=y"]
)
async def test_json_by_any_spelling_is_json(charlie: Client, content_type):
    assert (await charlie.post("/chat", OK, headers={"Content-Type": content_type})).status == 200


BAD_IDS = ["x", "1", "../1", "%2e%2e", "..%2f..", UNKNOWN[:-1], UNKNOWN + "0", UNKNOWN.replace("-", ""),
           "{" + UNKNOWN + "}", "urn:uuid:" + UNKNOWN, "%00", "é", "a" * 3000, "%F0%9F%8D%8E", "-1", "null",
           "0" * 32, "%25", "'%20OR%201=1", UNKNOWN.replace("8", "٨")]  # fmt: skip


@pytest.mark.parametrize("identifier", BAD_IDS)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/runs/{}"), ("GET", "/runs/{}/events"), ("POST", "/runs/{}/cancel"), ("GET", "/conversations/{}"),
     ("GET", "/conversations/{}/messages"), ("DELETE", "/conversations/{}")],
)  # fmt: skip
async def test_an_id_that_is_none_is_404(charlie: Client, method, path, identifier):
    refused = await charlie.send(method, path.format(identifier))
    assert (refused.status, refused.code) == (404, "not_found")


@pytest.mark.parametrize("identifier", [*BAD_IDS, "", UNKNOWN])
async def test_a_conversation_that_is_none_takes_no_message(charlie: Client, server, identifier):
    before = counts(server)
    refused = await charlie.ask("say:Hello", conversation_id=identifier)
    assert (refused.status, refused.code) == (404, "not_found")
    assert counts(server) == before


async def test_an_id_in_capitals_is_the_same_id(charlie: Client):
    told = (await charlie.ask("say:Hello")).json
    run, conversation = told["run_id"].upper(), told["conversation_id"].upper()
    for path in (f"/runs/{run}", f"/runs/{run}/events", f"/conversations/{conversation}"):
        assert (await charlie.get(path)).status == 200
    assert (await charlie.get(f"/runs/{run}/events", headers={"Last-Event-ID": f"{run}:1"})).status == 200
    again = await charlie.ask("say:Hello", conversation_id=conversation)
    assert again.json["conversation_id"] == told["conversation_id"]
