"""The connection to the provider: deadlines, disconnects, keep-alive, what is sent in the head."""

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest

from agents.errors import ErrorCode, ModelError
from agents.llm.base import ModelRequest, TextDelta
from agents.llm.openai import OpenAIChatModel
from agents.messages import UserMessage
from agents.tests.asking import ask, text, until
from tests.provider import Provider
from tests.provider_script import Script, chunk, paced, say

REQUEST = ModelRequest("scripted", (UserMessage("Hello"),))
COMMENT = b": OPENROUTER PROCESSING\n\n"
ROLE = {"chunk": chunk({"role": "assistant", "content": ""})}
NO_FIRST_TOKEN: dict[str, Script] = {
    "not even a head": [{"stall": True}],
    "a head and silence": [COMMENT, {"stall": True}],
    "nothing but comments": [{"pace": [COMMENT] * 100, "every": 0.02}, {"stall": True}],
    "a role and silence": [ROLE, {"stall": True}],
}
NO_NEXT_TOKEN: dict[str, Script] = {
    "silence": [{"text": "x"}, {"stall": True}],
    "comments": [{"text": "x"}, {"pace": [COMMENT] * 100, "every": 0.02}, {"stall": True}],
    "half an event": [{"text": "x"}, b"data: {", {"stall": True}],
    "after reasoning": [{"reasoning": "x"}, {"stall": True}],
    "in a tool call": [{"call": "f", "arguments": "{"}, {"stall": True}],
}


async def timed_out(script: Script, **options: Any) -> tuple[ModelError, float, Provider]:
    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, **options)
        started = time.monotonic()
        with pytest.raises(ModelError) as failure:
            await ask(model)
        waited = time.monotonic() - started
        await until(lambda: not provider.open)
        await model.aclose()
    return failure.value, waited, provider


@pytest.mark.parametrize("script", NO_FIRST_TOKEN.values(), ids=NO_FIRST_TOKEN)
async def test_no_first_token_is_a_timeout(script: Script):
    failure, waited, provider = await timed_out(script, first_token_timeout=0.3, idle_timeout=5)
    assert failure.code is ErrorCode.MODEL_TIMEOUT
    assert 0.29 < waited < 2
    assert len(provider.requests) <= 1


@pytest.mark.parametrize("script", NO_NEXT_TOKEN.values(), ids=NO_NEXT_TOKEN)
async def test_no_next_token_is_a_timeout(script: Script):
    failure, waited, _ = await timed_out(script, first_token_timeout=5, idle_timeout=0.15)
    assert failure.code is ErrorCode.MODEL_TIMEOUT
    assert 0.14 < waited < 2


async def test_a_slow_but_steady_stream_meets_no_deadline():
    async with Provider(paced("12", "50")) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, first_token_timeout=1, idle_timeout=0.4)
        assert len(text(await ask(model)).split()) == 12
        await model.aclose()


async def test_a_slow_reader_is_not_taken_for_a_slow_provider():
    async with Provider([{"text": "a"}, {"delay": 0.01}, {"text": "b"}, {"finish": "stop"}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, idle_timeout=0.05)
        shown = ""
        async with aclosing(model.stream(REQUEST)) as deltas:
            async for delta in deltas:
                shown += text([delta])
                await asyncio.sleep(0.15)
        await model.aclose()
    assert shown == "ab"


WAITING: dict[str, Script] = {
    "before the head": [{"stall": True}],
    "before the first token": [COMMENT, {"stall": True}],
    "after the first token": [{"text": "x"}, {"stall": True}],
    "in the middle of a burst": [{"pace": [{"text": "x"}] * 1000, "every": 0.001}],
}


@pytest.mark.parametrize("script", WAITING.values(), ids=WAITING)
async def test_cancelling_the_task_closes_the_connection_at_once(script: Script):
    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        task = asyncio.create_task(ask(model))
        await until(lambda: provider.requests)
        await asyncio.sleep(0.05)
        task.cancel()
        cancelled = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: provider.disconnects)
        assert provider.disconnects[0] - cancelled < 0.1
        await model.aclose()


async def test_closing_the_generator_closes_the_connection_at_once():
    async with Provider([{"text": "x"}, {"stall": True}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        async with aclosing(model.stream(REQUEST)) as deltas:
            assert await anext(deltas) == TextDelta("x")
        closed = time.monotonic()
        await until(lambda: provider.disconnects)
        assert provider.disconnects[0] - closed < 0.1
        await model.aclose()


async def test_cancelling_the_wait_for_a_retry_sends_nothing_more():
    async with Provider([{"status": 500}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, retry_delay=5)
        task = asyncio.create_task(ask(model))
        await until(lambda: provider.requests)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await model.aclose()
    assert len(provider.requests) == 1


@pytest.mark.parametrize("late", [0, 0.02])
async def test_turns_share_a_connection(late: float):
    async with Provider([*say("hi"), {"delay": late}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        for _ in range(3):
            await ask(model)
            await asyncio.sleep(late * 3)
        await model.aclose()
    assert [request.connection for request in provider.requests] == [1, 1, 1]


async def test_a_stream_that_is_done_and_stays_open_does_not_hold_up_the_answer():
    async with Provider([*say("hi"), {"stall": True}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        started = time.monotonic()
        assert text(await ask(model)) == "hi"
        assert time.monotonic() - started < 0.5
        await model.aclose()
        await until(lambda: provider.disconnects)


async def test_a_hundred_streams_run_side_by_side():
    async with Provider(paced("5", "10")) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        answers = await asyncio.gather(*(ask(model) for _ in range(100)))
        await model.aclose()
    assert {text(answer) for answer in answers} == {"t0 t1 t2 t3 t4 "}
    assert provider.connections > 10


async def test_the_head_of_a_request(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "from the environment")
    async with Provider(say("ok")) as provider:
        for key in ("secret", " padded \n", None, ""):
            model = OpenAIChatModel(base_url=provider.base_url, api_key=key)
            await ask(model)
            await model.aclose()
    keys = [request.headers.get("authorization") for request in provider.requests]
    assert keys == ["Bearer secret", "Bearer padded", None, None]
    assert {request.headers["accept-encoding"] for request in provider.requests} == {"identity"}
    assert {request.path for request in provider.requests} == {"/v1/chat/completions"}
    assert {request.headers["content-type"] for request in provider.requests} == {"application/json"}


async def test_each_turn_sends_its_own_body_under_the_same_head():
    async with Provider(lambda request: [{"status": 429}] if len(provider.requests) == 2 else say("ok")) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, api_key="secret", retry_delay=0.001)
        for message in ("Hi", "A longer one: Grüße"):
            assert text(await ask(model, message)) == "ok"
        await model.aclose()
    heads = [{**request.headers, "content-length": ""} for request in provider.requests]
    assert heads == [heads[0]] * 3  # the second turn is sent twice
    assert [request.body["messages"][-1]["content"] for request in provider.requests] == [
        "Hi",
        "A longer one: Grüße",
        "A longer one: Grüße",
    ]


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with Provider(say("ok")) as provider:
        model = OpenAIChatModel(base_url=provider.base_url + "/")
        assert text(await ask(model)) == "ok"
        await model.aclose()


def test_without_a_base_url_openai_is_asked():
    assert OpenAIChatModel(api_key="k").base_url == "https://api.openai.com/v1"


def test_each_event_loop_has_connections_of_its_own():
    async def once(model: OpenAIChatModel) -> str:
        async with Provider(say("ok"), port=port) as provider:
            model.base_url = provider.base_url
            answer = text(await ask(model))
            await model.aclose()
            return answer

    port = 0
    model = OpenAIChatModel(base_url="http://127.0.0.1/v1")
    assert [asyncio.run(once(model)), asyncio.run(once(model))] == ["ok", "ok"]


async def test_closing_a_model_that_was_never_used_is_fine():
    await OpenAIChatModel(base_url="http://127.0.0.1/v1").aclose()
    model = OpenAIChatModel(base_url="http://[::1/v1", max_retries=0)
    with pytest.raises(ModelError):
        await ask(model)
    await model.aclose()
