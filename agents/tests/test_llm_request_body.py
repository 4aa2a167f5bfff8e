"""What is sent to a provider, and what is left out when it refuses a parameter."""

import asyncio
from typing import Any

import pytest

from agents.errors import ErrorCode, ModelError
from agents.llm.base import ModelRequest
from agents.llm.openai import OpenAIChatModel
from agents.llm.parameters import refused_parameter
from agents.llm.request_body import chat_body, encode_body
from agents.messages import AssistantMessage, SystemMessage, ToolCall, ToolMessage, UserMessage
from agents.tests.asking import ask, text
from tests.provider import Provider, Request
from tests.provider_script import Script, say
from tools.base import tool

GOLDEN = (
    b'{"model":"gpt-4.1","messages":[{"role":"system","content":"Be brief."},'
    b'{"role":"user","content":"Weather in \xc3\x84gypten?"},'
    b'{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",'
    b'"function":{"name":"get_weather","arguments":"{\\"city\\": \\"Cairo\\"}","vendor":1},'
    b'"extra_content":{"google":{"thought_signature":"c2ln"}}},'
    b'{"id":"call_2","type":"function","function":{"name":"multi_tool_use_parallel","arguments":"{}"}}]},'
    b'{"role":"tool","tool_call_id":"call_1","content":"{\\"temperature\\":30}"},'
    b'{"role":"tool","tool_call_id":"call_2","content":"Error: There is no such tool"},'
    b'{"role":"assistant","content":"It is hot."},'
    b'{"role":"user","content":"Thanks"}],'
    b'"stream":true,"stream_options":{"include_usage":true},'
    b'"tools":[{"type":"function","function":{"name":"get_weather","description":"Tell the weather.",'
    b'"parameters":{"properties":{"city":{"type":"string"}},"required":["city"],"type":"object"}}}],'
    b'"parallel_tool_calls":false,"temperature":0.2,"max_tokens":100}'
)


@tool
async def get_weather(city: str) -> str:
    """Tell the weather."""
    return city


def test_a_request_has_exactly_these_bytes():
    extra = {"extra_content": {"google": {"thought_signature": "c2ln"}}, "function": {"vendor": 1}}
    weather = ToolCall("call_1", "get_weather", '{"city": "Cairo"}', extra=extra)
    invented = ToolCall("call_2", "multi_tool_use.parallel", "{}", problem="There is no such tool")
    request = ModelRequest(
        model="gpt-4.1",
        messages=(
            SystemMessage("Be brief."),
            UserMessage("Weather in Ägypten?"),
            AssistantMessage("", (weather, invented), reasoning="never sent back"),
            ToolMessage("call_1", '{"temperature":30}'),
            ToolMessage("call_2", "Error: There is no such tool"),
            AssistantMessage("It is hot."),
            UserMessage("Thanks"),
        ),
        tools=(get_weather,),
        parallel_tool_calls=False,
        settings={"temperature": 0.2, "max_tokens": 100, "top_p": None, "model": "other", "stream": False, "n": 2},
    )
    body = chat_body(request, {})
    body["tools"][0]["function"]["parameters"] = {
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "type": "object",
    }
    assert encode_body(body) == GOLDEN


def test_the_parameters_of_a_tool_are_sent_as_they_are():
    body = chat_body(ModelRequest("m", (UserMessage("x"),), tools=(get_weather,)), {})
    assert body["tools"][0]["function"]["parameters"] == get_weather.parameters


def test_parallel_tool_calls_is_sent_only_with_tools():
    assert "parallel_tool_calls" not in chat_body(ModelRequest("m", (UserMessage("x"),)), {})
    assert chat_body(ModelRequest("m", (UserMessage("x"),), tools=(get_weather,)), {})["parallel_tool_calls"] is True


def test_text_beside_tool_calls_is_sent():
    message = AssistantMessage("I look.", (ToolCall("a", "f"),))
    assert chat_body(ModelRequest("m", (message,)), {})["messages"][0]["content"] == "I look."


def test_half_a_surrogate_pair_does_not_stop_a_request():
    assert encode_body({"text": "a\ud83db"}) == b'{"text": "a?b"}'


SETTINGS = {"temperature": 0.5, "max_tokens": 50, "stop": ["x"], "top_p": 1}


def refusal(param: str | None, message: str, status: int = 400, code: str | None = None) -> Script:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return [{"status": status, "body": {"error": error}}]


REFUSALS: dict[str, tuple[Script, str]] = {
    "named in the field": (refusal("temperature", "Unsupported value"), "temperature"),
    "named in quotes": (refusal(None, "Unrecognized argument: 'stop'."), "stop"),
    "named by a word": (refusal(None, "stream_options is not supported"), "stream_options"),
    "named as a path": (
        [{"status": 422, "body": {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs"}]}}],
        "stream_options",
    ),
    "o-series": (refusal("parallel_tool_calls", "Unsupported parameter"), "parallel_tool_calls"),
    "a part of it": (refusal("stream_options.include_usage", "Unknown parameter"), "stream_options"),
    "as plain text": ([{"status": 400, "body": "unknown field: top_p"}], "top_p"),
    "too large for the model": (
        refusal(None, "'max_tokens' is too large: 50. This model's maximum context length is 20 tokens"),
        "max_tokens",
    ),
}


@pytest.mark.parametrize(("refused", "name"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refused_parameter_is_dropped_and_stays_dropped(refused: Script, name: str):
    async with Provider(lambda request: refused if name in request.body else say("ok")) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        for _ in range(2):
            assert text(await ask(model, tools=(get_weather,), settings=SETTINGS)) == "ok"
        await model.aclose()
    assert [name in request.body for request in provider.requests] == [True, False, False]
    before, after, _ = (request.body for request in provider.requests)
    assert {key: value for key, value in before.items() if key != name} == after


async def test_a_refused_parameter_is_remembered_for_its_model_only():
    def script(request: Request) -> Script:
        strict = request.body["model"] == "strict" and "temperature" in request.body
        return refusal("temperature", "no") if strict else say("ok")

    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        for name in ("strict", "lenient", "strict"):
            await ask(model, model=name, settings={"temperature": 1})
        await model.aclose()
    assert ["temperature" in request.body for request in provider.requests] == [True, False, True, False]


async def test_several_refused_parameters_are_dropped_one_after_the_other():
    def script(request: Request) -> Script:
        return next(
            (refusal(name, "no") for name in ("temperature", "stop", "top_p") if name in request.body), say("ok")
        )

    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        assert text(await ask(model, settings=SETTINGS)) == "ok"
        await model.aclose()
    assert len(provider.requests) == 4


@pytest.mark.parametrize(
    ("old", "new"), [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
)
async def test_the_output_limit_is_sent_under_the_name_that_the_provider_asks_for(old: str, new: str):
    wanted = refusal(old, f"Unsupported parameter: '{old}'. Use '{new}' instead.")
    async with Provider(lambda request: wanted if old in request.body else say("ok")) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        assert text(await ask(model, settings={old: 50})) == "ok"
        await model.aclose()
    assert provider.requests[1].body[new] == 50


async def test_an_output_limit_that_is_refused_under_both_names_is_dropped():
    def script(request: Request) -> Script:
        if "max_tokens" in request.body:
            return refusal("max_tokens", "Use 'max_completion_tokens' instead.")
        return refusal("max_completion_tokens", "No.") if "max_completion_tokens" in request.body else say("ok")

    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        assert text(await ask(model, settings={"max_tokens": 50})) == "ok"
        await model.aclose()


async def test_vendor_fields_of_another_provider_are_dropped_when_they_are_refused():
    def script(request: Request) -> Script:
        call = request.body["messages"][0]["tool_calls"][0]
        path = "messages[0].tool_calls[0].extra_content"
        return refusal(path, f"Unknown parameter: '{path}'.") if "extra_content" in call else say("ok")

    called = AssistantMessage("", (ToolCall("a", "f", extra={"extra_content": 1}),))
    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        assert text(await ask(model, messages=(called, ToolMessage("a", "ok")))) == "ok"
        await model.aclose()


async def test_two_requests_may_meet_the_same_refusal_at_once():
    async with Provider(lambda r: refusal("stop", "no") if "stop" in r.body else say("ok")) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        answers = await asyncio.gather(*(ask(model, settings=SETTINGS) for _ in range(3)))
        await model.aclose()
    assert [text(answer) for answer in answers] == ["ok"] * 3


async def test_an_error_whose_parameter_is_no_text_is_an_error_like_any_other():
    error = {"message": "x", "param": ["temperature"], "code": 7}
    async with Provider([{"status": 400, "body": {"error": error}}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        with pytest.raises(ModelError):
            await ask(model, settings=SETTINGS)
        await model.aclose()


async def test_a_parameter_that_is_refused_for_ever_ends_in_an_error():
    async with Provider(refusal("temperature", "no")) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        with pytest.raises(ModelError) as failure:
            await ask(model, settings=SETTINGS)
        await model.aclose()
    assert failure.value.code is ErrorCode.MODEL_ERROR
    assert len(provider.requests) == 2


@pytest.mark.parametrize(
    ("status", "param", "error"),
    [
        (400, "messages", "Invalid 'messages[0].content'"),
        (400, None, "The user said stop, and the seed was bad"),
        (400, None, "maximum context length is 10 tokens; reduce max_tokens or the messages"),
        (500, "temperature", "temperature"),
        (400, "model", "unknown model"),
        (400, None, None),
    ],
)
def test_errors_about_something_else_drop_nothing(status: int, param: str | None, error: Any):
    body = {"model": "m", "messages": [], "stream": True, "max_tokens": 5, "temperature": 1, "stop": "x", "seed": 1}
    assert refused_parameter(body, status=status, param=param, error=error) is None
