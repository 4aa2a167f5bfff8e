"""A provider that fails: which error it is, and what people are told."""

import asyncio
import gzip
import json
import socket
from typing import Any

import pytest

from agents.errors import ErrorCode, ModelError
from agents.llm.openai import OpenAIChatModel
from agents.tests.asking import ask, ask_and_fail, calls, text
from tests.provider import Provider
from tests.provider_script import HEAD, Script, chunk, payload, say

ERROR = {"message": "secret words of the provider", "type": "t", "param": None, "code": "c"}
STATUSES = [
    (301, ErrorCode.MODEL_ERROR, "OPENAI_BASE_URL"),
    (400, ErrorCode.MODEL_ERROR, "settings"),
    (401, ErrorCode.MODEL_ERROR, "OPENAI_API_KEY"),
    (402, ErrorCode.MODEL_ERROR, "quota"),
    (403, ErrorCode.MODEL_ERROR, "'scripted'"),
    (404, ErrorCode.MODEL_ERROR, "does not know 'scripted'"),
    (408, ErrorCode.MODEL_UNAVAILABLE, "too busy"),
    (409, ErrorCode.MODEL_UNAVAILABLE, "too busy"),
    (413, ErrorCode.CONTEXT_TOO_LONG, "longer than the model can read"),
    (418, ErrorCode.MODEL_ERROR, "HTTP 418"),
    (429, ErrorCode.MODEL_RATE_LIMITED, "no more requests for now"),
    (500, ErrorCode.MODEL_UNAVAILABLE, "HTTP 500"),
    (503, ErrorCode.MODEL_UNAVAILABLE, "HTTP 503"),
    (529, ErrorCode.MODEL_UNAVAILABLE, "HTTP 529"),
]


async def failure_of(script: Script, **options: Any) -> ModelError:
    """Return the error that a script leads to, without retries."""
    async with Provider(script) as provider:
        return await failure_at(provider.base_url, **options)


async def failure_at(base_url: str, **options: Any) -> ModelError:
    model = OpenAIChatModel(**{"base_url": base_url, "max_retries": 0, **options})
    try:
        return (await ask_and_fail(model))[1]
    finally:
        await model.aclose()


@pytest.mark.parametrize(("status", "code", "words"), STATUSES)
async def test_each_status_has_its_code_and_says_what_to_do(status: int, code: ErrorCode, words: str, caplog):
    failure = await failure_of([{"status": status, "body": {"error": ERROR}}])
    assert failure.code is code
    assert words in failure.message
    assert "secret" not in failure.message + caplog.text
    assert f"HTTP {status}" in caplog.text


@pytest.mark.parametrize(
    "body", ["", "not JSON", "[]", '{"error": null}', '"text"', {"detail": "x"}, {"error": "x"}, b"\xff"]
)
async def test_any_body_of_an_error_will_do(body: Any):
    assert (await failure_of([{"status": 400, "body": body}])).code is ErrorCode.MODEL_ERROR


async def test_a_huge_body_of_an_error_is_not_read_to_its_end():
    assert (await failure_of([{"status": 500, "body": "x" * 2_000_000}])).code is ErrorCode.MODEL_UNAVAILABLE


@pytest.mark.parametrize("kind", ["rst", "fin"])
async def test_an_error_whose_body_is_cut_counts_by_its_status(kind: str):
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 1000\r\n\r\nhalf"

    class Raw(Provider):
        def script_for(self, request: Any) -> Script:
            [connection] = self.open
            connection.write(head)
            return [{"delay": 0.01}, {"cut": kind}]

    async with Raw() as provider:
        failure = await failure_at(provider.base_url)
    assert "OPENAI_API_KEY" in failure.message


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {**ERROR, "code": "context_length_exceeded"}),
        (400, {**ERROR, "message": "This model's maximum context length is 8192 tokens, you requested 9000"}),
        (400, {**ERROR, "message": "the request exceeds the available context size"}),
        (400, "prompt is too long: 210000 tokens > 200000 maximum"),
        (422, {"message": "Input token count exceeds the maximum"}),
        (500, {"message": "context length exceeded"}),
    ],
)
async def test_a_conversation_that_does_not_fit_has_its_own_code(status: int, error: Any):
    assert (await failure_of([{"status": status, "body": {"error": error}}])).code is ErrorCode.CONTEXT_TOO_LONG


async def test_a_used_up_quota_is_told_apart_from_a_rate_limit():
    failure = await failure_of([{"status": 429, "body": {"error": {**ERROR, "code": "insufficient_quota"}}}])
    assert failure.code is ErrorCode.MODEL_RATE_LIMITED
    assert "billing" in failure.message


async def test_a_port_where_nobody_listens_is_unavailable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        failure = await failure_at(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
    assert failure.code is ErrorCode.MODEL_UNAVAILABLE
    assert "OPENAI_BASE_URL" in failure.message


async def test_a_connection_that_takes_too_long_is_unavailable():
    async with Provider(say("late")) as provider:
        failure = await failure_at(provider.base_url, connect_timeout=1e-9)
    assert failure.code is ErrorCode.MODEL_UNAVAILABLE


@pytest.mark.parametrize(
    "url", ["localhost:11434/v1", "ftp://127.0.0.1/v1", "http://[::1/v1", "http://127.0.0.1:99999/v1", "x"]
)
async def test_a_base_url_that_is_none_is_told(url: str):
    failure = await failure_at(url)
    assert failure.code in {ErrorCode.MODEL_ERROR, ErrorCode.MODEL_UNAVAILABLE}
    assert "OPENAI_BASE_URL" in failure.message


@pytest.mark.parametrize("key", ["kéy", "two\nlines"])
async def test_a_key_that_cannot_be_sent_is_told(key: str):
    async with Provider(say("never")) as provider:
        failure = await failure_at(provider.base_url, api_key=key)
    assert failure.code is ErrorCode.MODEL_ERROR
    assert "OPENAI_API_KEY" in failure.message
    assert key not in failure.message


async def test_a_web_page_instead_of_a_provider_is_told():
    page = {"status": 200, "headers": {"Content-Type": "text/html; charset=utf-8"}, "body": "<html>Hello</html>"}
    failure = await failure_of([page])
    assert failure.code is ErrorCode.MODEL_ERROR
    assert "/v1" in failure.message


@pytest.mark.parametrize("kind", ["rst", "fin"])
@pytest.mark.parametrize("before", [[], [b": comment\n\n"], [{"chunk": chunk({"role": "assistant", "content": ""})}]])
async def test_a_connection_cut_before_the_first_token_is_unavailable(kind: str, before: Script):
    failure = await failure_of([*before, {"delay": 0.01}, {"cut": kind}])
    assert failure.code is ErrorCode.MODEL_UNAVAILABLE


@pytest.mark.parametrize("kind", ["rst", "fin"])
async def test_a_connection_cut_after_the_first_token_is_an_error(kind: str):
    failure = await failure_of([{"text": "Hel"}, {"delay": 0.01}, {"cut": kind}])
    assert failure.code is ErrorCode.MODEL_ERROR
    assert "broke off" in failure.message


async def test_a_stream_that_ends_early_is_an_error():
    assert (await failure_of([{"text": "Hel"}])).code is ErrorCode.MODEL_ERROR
    assert (await failure_of([])).code is ErrorCode.MODEL_ERROR


async def test_what_was_read_before_an_error_is_shown_once():
    async with Provider([{"text": "Hel"}, {"delay": 0.01}, {"text": "lo"}, {"chunk": {"error": "x"}}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        shown, _ = await ask_and_fail(model)
        await model.aclose()
    assert text(shown) == "Hello"
    assert len(provider.requests) == 1


@pytest.mark.parametrize("cut", [{"cut": "rst"}, {"cut": "fin"}, {"stall": True}])
async def test_an_answer_with_its_finish_reason_is_whole_however_the_connection_ends(cut: Any):
    async with Provider([{"text": "whole"}, {"finish": "stop"}, {"delay": 0.01}, cut]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, idle_timeout=0.1)
        assert text(await ask(model)) == "whole"
        await model.aclose()


async def test_half_a_character_at_the_end_of_a_read_is_read_with_the_next():
    data = payload({"text": "x"}).replace(b'"x"', '"caf\u00e9"'.encode())
    place = data.index(b"\xc3") + 1
    async with Provider([data[:place], {"delay": 0.02}, data[place:], {"finish": "stop"}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        assert text(await ask(model)) == "café"
        await model.aclose()


@pytest.mark.parametrize("encoding", [None, "gzip"])
async def test_a_provider_that_does_not_stream_is_read_all_the_same(encoding: str | None):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Hi", "tool_calls": [call]}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}).encode()
    headers = {"Content-Encoding": encoding} if encoding else {}
    script = [{"status": 200, "headers": headers, "body": gzip.compress(body) if encoding else body}]
    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        deltas = await ask(model)
        await model.aclose()
    assert text(deltas) == "Hi"
    assert [call.name for call in calls(deltas)] == ["f"]


async def test_an_answer_without_end_in_one_event_is_an_error():
    piece = b"x" * (1 << 20)
    failure = await failure_of([b"data: ", *[piece] * 17, {"stall": True}])
    assert failure.code is ErrorCode.MODEL_ERROR
    assert "bytes" in failure.message


async def test_a_broken_http_framing_is_unavailable_or_an_error_but_never_a_crash():
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(replies.pop())
        await writer.drain()
        writer.close()

    replies = [HEAD + b"zz\r\nnot a chunk\r\n", b"nonsense\r\n\r\n", b""]
    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        for _ in range(3):
            failure = await failure_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
            assert failure.code is ErrorCode.MODEL_UNAVAILABLE


async def test_a_success_without_a_body_is_an_answer_that_broke_off():
    async with Provider([{"status": 200, "body": ""}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, max_retries=0)
        _, failure = await ask_and_fail(model)
        await model.aclose()
    assert failure.code is ErrorCode.MODEL_ERROR
