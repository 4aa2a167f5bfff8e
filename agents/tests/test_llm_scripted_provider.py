"""The scripted provider as a process: scenarios from the request, and its log."""

import json
import urllib.request
from typing import Any

import pytest

from agents.errors import ModelError
from agents.llm.base import Retry
from agents.llm.openai import OpenAIChatModel
from agents.messages import AssistantMessage, ToolCall, ToolMessage, UserMessage
from agents.tests.asking import ask, ask_and_fail, calls, text
from tests.provider import Provider, process
from tests.provider_script import scripted


def body(message: str, *more: dict[str, Any], model: str = "gpt-4.1") -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": message}, *more]}


async def test_a_process_plays_what_the_message_asks_for_and_keeps_a_log():
    async with process() as url:
        model = OpenAIChatModel(base_url=url, max_retries=0)
        assert text(await ask(model, "say:one: two")) == "one: two"
        assert text(await ask(model, "paced:3:5")) == "t0 t1 t2 "
        assert len(text(await ask(model, "burst:500")).split()) == 500
        assert text(await ask(model, json.dumps([{"text": "scripted"}, {"done": True}]))) == "scripted"
        assert text(await ask(model, "anything")) == "Hello from the scripted provider."
        assert text(await ask(model, "anything", model="say:by model")) == "by model"
        assert isinstance((await ask_and_fail(model, "status:500"))[1], ModelError)
        await model.aclose()
        log = json.loads(urllib.request.urlopen(url.removesuffix("/v1") + "/log").read())  # noqa: ASYNC210  # a test
        assert json.loads(urllib.request.urlopen(url + "/models").read())["data"]  # noqa: ASYNC210  # as above
    assert [request["body"]["messages"][0]["content"] for request in log["requests"]][:2] == [
        "say:one: two",
        "paced:3:5",
    ]


async def test_a_script_may_fail_a_number_of_times_first():
    async with process() as url:
        model = OpenAIChatModel(base_url=url, retry_delay=0.001)
        scripts = {"attempts": [[{"status": 500}], [{"status": 429}], [{"text": "third"}, {"done": True}]]}
        deltas = await ask(model, json.dumps(scripts))
        await model.aclose()
    assert [type(delta) for delta in deltas[:2]] == [Retry, Retry]
    assert text(deltas) == "third"


async def test_turns_of_a_script_follow_the_conversation():
    turns = {"turns": [[{"call": "f", "arguments": {"a": 1}}, {"done": True}], [{"text": "end"}, {"done": True}]]}
    asked = UserMessage(json.dumps(turns))
    called = AssistantMessage("", (ToolCall("call_0", "f", '{"a": 1}'),))
    async with Provider(lambda request: scripted(request.body)) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        assert [call.name for call in calls(await ask(model, messages=(asked,)))] == ["f"]
        assert text(await ask(model, messages=(asked, called, ToolMessage("call_0", "1")))) == "end"
        await model.aclose()


async def test_a_stamped_token_holds_the_time_of_its_sending():
    async with Provider(scripted(body("stamped:2:1"))) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        first, second = (float(stamp) for stamp in text(await ask(model)).replace("<", "").replace(">", "").split())
        await model.aclose()
    assert first < second


@pytest.mark.parametrize(
    ("message", "steps"),
    [("stall:2", 3), ("cut:1:fin", 3), ("status:429:1", 1), ("{not json", 4), ('{"no": "turns"}', 4), ("", 4)],
)
def test_scenarios_become_scripts(message: str, steps: int):
    assert len(scripted(body(message))) == steps


async def test_retries_can_be_scripted_with_a_function():
    scripts = [[{"status": 500}], [{"text": "ok"}, {"done": True}]]
    async with Provider(lambda _: scripts.pop(0)) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, retry_delay=0.001)
        deltas = await ask(model)
        await model.aclose()
    assert isinstance(deltas[0], Retry)
    assert text(deltas) == "ok"
