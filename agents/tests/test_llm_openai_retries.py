"""Failures before the first token are tried again; after it, never."""

import email.utils
import time
from typing import Any

import pytest

from agents.errors import ErrorCode, ModelError
from agents.llm.base import Retry, TextDelta
from agents.llm.openai import OpenAIChatModel
from agents.llm.retries import Retries, retry_after
from agents.tests.asking import ask, ask_and_fail, retries, text
from tests.provider import Provider
from tests.provider_script import Script, chunk, say

OK = say("ok")


def one_after_the_other(*scripts: Script) -> Any:
    """Play each script once; the last one repeats."""
    left = list(scripts)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def status(code: int, **headers: str) -> Script:
    return [{"status": code, "headers": {name.replace("_", "-"): value for name, value in headers.items()}}]


def quick(provider: Provider, **options: Any) -> OpenAIChatModel:
    return OpenAIChatModel(base_url=provider.base_url, **{"retry_delay": 0.005, **options})


@pytest.mark.parametrize(
    ("failing", "code"),
    [
        (status(500), ErrorCode.MODEL_UNAVAILABLE),
        (status(429), ErrorCode.MODEL_RATE_LIMITED),
        ([{"cut": "rst"}], ErrorCode.MODEL_UNAVAILABLE),
        ([{"cut": "fin"}], ErrorCode.MODEL_UNAVAILABLE),
        ([b": comment\n\n", {"cut": "rst"}], ErrorCode.MODEL_UNAVAILABLE),
        ([{"chunk": chunk({"role": "assistant"})}, {"delay": 0.005}, {"cut": "fin"}], ErrorCode.MODEL_UNAVAILABLE),
    ],
)
async def test_a_failure_before_the_first_token_is_tried_again_and_told(failing: Script, code: ErrorCode):
    async with Provider(one_after_the_other(failing, failing, OK)) as provider:
        model = quick(provider)
        deltas = await ask(model)
        await model.aclose()
    assert [(retry.attempt, retry.code) for retry in retries(deltas)] == [(2, code), (3, code)]
    assert isinstance(deltas[0], Retry)
    assert text(deltas) == "ok"
    assert [request.body for request in provider.requests] == [provider.requests[0].body] * 3


async def test_retries_end():
    async with Provider(status(503, Retry_After="0.01")) as provider:
        model = quick(provider, max_retries=1)
        with pytest.raises(ModelError) as failure:
            await ask(model)
        await model.aclose()
    assert failure.value.code is ErrorCode.MODEL_UNAVAILABLE
    assert failure.value.retry_after == 0.01
    assert len(provider.requests) == 2


@pytest.mark.parametrize("headers", [{"Retry_After": "0.05"}, {"retry_after_ms": "50", "Retry_After": "20"}])
async def test_the_wait_that_the_provider_asks_for_is_kept(headers: dict[str, str]):
    async with Provider(one_after_the_other(status(429, **headers), OK)) as provider:
        model = quick(provider)
        deltas = await ask(model)
        await model.aclose()
    assert retries(deltas) == [Retry(2, ErrorCode.MODEL_RATE_LIMITED, 0.05)]
    assert provider.requests[1].at - provider.requests[0].at >= 0.05


async def test_a_wait_beyond_patience_fails_at_once_and_names_it():
    async with Provider(status(429, Retry_After="31")) as provider:
        model = quick(provider)
        with pytest.raises(ModelError) as failure:
            await ask(model)
        await model.aclose()
    assert failure.value.code is ErrorCode.MODEL_RATE_LIMITED
    assert failure.value.retry_after == 31
    assert len(provider.requests) == 1


FINAL: dict[str, Script] = {
    "an error of ours": status(400),
    "a refused key": status(401),
    "a used up quota": [{"status": 429, "body": {"error": {"code": "insufficient_quota", "message": "x"}}}],
    "silence": [{"stall": True}],
    "an error inside the stream": [{"chunk": {"error": "x"}}],
    "malformed data": [b"data: {\n\n"],
    "an empty stream": [],
    "a cut after the first token": [{"text": "x"}, {"delay": 0.01}, {"cut": "rst"}],
    "a cut after the first reasoning": [{"reasoning": "x"}, {"delay": 0.01}, {"cut": "rst"}],
    "a cut in a tool call": [{"call": "f", "arguments": "{"}, {"delay": 0.01}, {"cut": "rst"}],
}


@pytest.mark.parametrize("script", FINAL.values(), ids=FINAL)
async def test_what_a_retry_cannot_cure_is_not_tried_again(script: Script):
    async with Provider(script) as provider:
        model = quick(provider, first_token_timeout=0.5)
        with pytest.raises(ModelError):
            await ask(model)
        await model.aclose()
    assert len(provider.requests) == 1


async def test_text_is_never_shown_twice():
    half: Script = [{"text": "half"}, {"delay": 0.01}, {"cut": "rst"}]
    async with Provider(one_after_the_other(status(500), half, OK)) as provider:
        model = quick(provider)
        shown, failure = await ask_and_fail(model)
        await model.aclose()
    assert "broke off" in failure.message
    assert shown[1:] == [TextDelta("half")]
    assert len(provider.requests) == 2


def test_waits_double_with_jitter_up_to_a_limit():
    tries = Retries(8)
    failure = ModelError(ErrorCode.MODEL_UNAVAILABLE, "x")
    delays = [retry.delay for retry in (tries.after(failure) for _ in range(8)) if retry]
    for delay, expected in zip(delays, [0.5, 1, 2, 4, 8, 8, 8, 8], strict=True):
        assert 0.75 * expected <= delay <= 1.25 * expected
    assert tries.after(failure) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9),
        ({"retry-after": "1e400"}, 86_400),
    ],
)
def test_headers_tell_how_long_to_wait(headers: dict[str, str], seconds: float | None):
    assert retry_after(headers) == seconds


def test_a_date_tells_how_long_to_wait():
    wait = retry_after({"retry-after": email.utils.formatdate(time.time() + 60, usegmt=True)})
    assert wait is not None
    assert 58 < wait <= 60
