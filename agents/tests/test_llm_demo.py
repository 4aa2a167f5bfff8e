"""The demo model: what it understands, what it says, how it streams."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from agents.llm.base import ModelDelta, ReasoningDelta, TextDelta
from agents.llm.demo import DemoChatModel
from agents.llm.demo_answers import NOTE
from agents.llm.demo_requests import MAX_CALLS, wishes
from agents.messages import AssistantMessage, ModelMessage, SystemMessage, ToolCall, ToolMessage, UserMessage
from agents.tests.asking import ask, calls, end, reasoning, text
from tools.base import Tool, tool


@tool
async def get_weather(city: str) -> str:
    """The weather."""
    return city


@tool
async def calculate(expression: str) -> str:
    """Arithmetic."""
    return expression


@tool
async def get_time(timezone: str) -> str:
    """The time."""
    return timezone


@tool
async def search_web(query: str) -> str:
    """A search."""
    return query


@tool
async def get_stock_price(symbol: str) -> str:
    """A price."""
    return symbol


TOOLS = (get_weather, calculate, get_time, search_web, get_stock_price)
UNDERSTOOD: list[tuple[str, list[tuple[str, str]]]] = [
    ("What's the weather in Tokyo and what's 15 + 27?", [("get_weather", "Tokyo"), ("calculate", "15 + 27")]),
    ("What’s 15 + 27, and what’s the weather in Tokyo?", [("calculate", "15 + 27"), ("get_weather", "Tokyo")]),
    (
        "weather in Paris, London and Rome",
        [("get_weather", "Paris"), ("get_weather", "London"), ("get_weather", "Rome")],
    ),
    ("weather in Paris, France", [("get_weather", "Paris, France")]),
    (
        "Weather in Tokyo and Berlin, and the time in New York",
        [("get_weather", "Tokyo"), ("get_weather", "Berlin"), ("get_time", "New York")],
    ),
    ("How hot is it in Cairo right now?", [("get_weather", "Cairo")]),
    ("Is it raining in Oslo?", [("get_weather", "Oslo")]),
    ("weather Madrid", [("get_weather", "Madrid")]),
    ("Tokyo weather please", [("get_weather", "Tokyo")]),
    ("Show me the weather in the city of São Paulo today", [("get_weather", "São Paulo")]),
    ("stock price of AAPL", [("get_stock_price", "AAPL")]),
    ("AAPL stock price and Tesla's stock", [("get_stock_price", "AAPL"), ("get_stock_price", "TSLA")]),
    ("What's the stock price of Apple and Microsoft?", [("get_stock_price", "AAPL"), ("get_stock_price", "MSFT")]),
    ("price of $NVDA", [("get_stock_price", "NVDA")]),
    ("time in New York", [("get_time", "New York")]),
    ("What time is it?", [("get_time", "UTC")]),
    ("search the web for cats and dogs", [("search_web", "cats and dogs")]),
    ("who is Ada Lovelace?", [("search_web", "who is Ada Lovelace")]),
    ("Tell me about the Eiffel tower.", [("search_web", "the Eiffel tower")]),
    ("calculate sqrt(16) * 2", [("calculate", "sqrt(16) * 2")]),
    ("(3+4)*2", [("calculate", "(3+4)*2")]),
    ("what is 5!", [("calculate", "factorial(5)")]),
    ("what's 20% of 80", [("calculate", "20 / 100 * 80")]),
    ("15 plus 27", [("calculate", "15 + 27")]),
    ("what is the square root of 144?", [("calculate", "sqrt(144)")]),
    ("Calculate 2+2. Then tell me the time in Tokyo.", [("calculate", "2+2"), ("get_time", "Tokyo")]),
    ("What's 7 * 6 and 7 * 6?", [("calculate", "7 * 6")]),
]
NOT_UNDERSTOOD = [
    "",
    "hello",
    "who are you?",
    "what is 2024?",
    "I have 3 apples",
    "the stock market is down",
    "price of bread",
    "what is the weather?",
    "calculate my taxes",
    "what are you?",
]


@pytest.mark.parametrize(("message", "expected"), UNDERSTOOD)
def test_requests_are_understood(message: str, expected: list[tuple[str, str]]):
    assert [(wish.tool, wish.argument) for wish in wishes(message)] == expected


@pytest.mark.parametrize("message", NOT_UNDERSTOOD)
def test_other_messages_call_no_tool(message: str):
    assert wishes(message) == []


def test_one_message_makes_a_bounded_number_of_calls():
    assert len(wishes("; ".join(f"what's {number} + 1" for number in range(50)))) == MAX_CALLS


@pytest.mark.parametrize("word", ["time ", "weather in ", "1+", "A B ", "sqrt", "(", "stock ", "count to ", ", "])
async def test_no_message_keeps_it_busy(word: str):
    started = time.process_time()
    await ask(DemoChatModel(pace=0), word * 50_000)
    assert time.process_time() - started < 0.5


async def run(message: str, results: dict[str, str], **fields: Any) -> list[list[ModelDelta]]:
    """Play the loop: turns until one has no calls. `results` are the tools' answers by name."""
    messages: list[ModelMessage] = [
        SystemMessage("x"),
        UserMessage("earlier"),
        AssistantMessage("ok"),
        UserMessage(message),
    ]
    turns: list[list[ModelDelta]] = []
    while True:
        deltas = await ask(DemoChatModel(pace=0), messages=tuple(messages), tools=TOOLS, **fields)
        turns.append(deltas)
        if not calls(deltas):
            return turns
        messages.append(AssistantMessage(text(deltas), calls(deltas)))
        messages += [ToolMessage(call.id, results[call.name]) for call in calls(deltas)]


def called(turns: Sequence[list[ModelDelta]]) -> list[list[tuple[str, Any]]]:
    return [[(call.name, json.loads(call.arguments)) for call in calls(turn)] for turn in turns]


BOTH = "What's the weather in Tokyo and what's 15 + 27?"
RESULTS = {
    "get_weather": '{"city": "Tokyo, Japan", "temperature": "18 °C", "conditions": "clear sky", "wind": "9 km/h",'
    ' "local_time": "2025-01-01 10:00"}',
    "calculate": '{"expression": "15 + 27", "result": 42}',
    "get_time": '{"timezone": "Asia/Tokyo", "time": "10:00:00", "date": "2025-01-01", "weekday": "Wednesday",'
    ' "utc_offset": "+09:00"}',
    "get_stock_price": '{"symbol": "AAPL", "price": "190.00 USD", "name": "Apple Inc.", "change": "+1.00 %"}',
    "search_web": '{"query": "x", "source": "Wikipedia",'
    ' "results": [{"title": "A", "url": "http://a", "snippet": "s"}]}',
}


async def test_two_requests_make_two_parallel_calls_and_one_answer():
    turns = await run(BOTH, RESULTS)
    assert called(turns) == [[("get_weather", {"city": "Tokyo"}), ("calculate", {"expression": "15 + 27"})], []]
    assert end(turns[0]).finish_reason == "tool_calls"
    answer = text(turns[1])
    assert "- In **Tokyo, Japan** it is **18 °C**, clear sky, wind 9 km/h (local time 2025-01-01 10:00)." in answer
    assert "- `15 + 27` = **42**" in answer
    assert answer.endswith(NOTE)


async def test_without_parallel_calls_each_turn_makes_one():
    turns = await run(BOTH, RESULTS, parallel_tool_calls=False)
    assert [len(turn) for turn in called(turns)] == [1, 1, 0]
    assert "42" in text(turns[2])


ANSWERS = [
    ("time in Tokyo", RESULTS, "In **Asia/Tokyo** it is **10:00:00** on Wednesday, 2025-01-01 (UTC+09:00)."),
    ("AAPL stock", RESULTS, "**Apple Inc. (AAPL)** is at **190.00 USD**, +1.00 %."),
    ("AAPL stock", {"get_stock_price": '{"symbol": "AAPL", "price": "1"}'}, "**AAPL** is at **1**."),
    ("search for x", RESULTS, "Wikipedia on *x*:\n- [A](http://a): s"),
    ("search for x", {"search_web": '{"query": "x", "results": []}'}, "nothing was found"),
    (
        "weather in Rome",
        {"get_weather": "Error: No city was found."},
        "`get_weather` failed for 'Rome': No city was found.",
    ),
    ("weather in Rome", {"get_weather": "sunny"}, "get_weather (Rome): sunny"),
    ("weather in Rome", {"get_weather": '{"odd": 1}'}, 'get_weather (Rome): {"odd": 1}'),
    ("weather in Rome", {"get_weather": "[1]"}, "get_weather (Rome): [1]"),
]


@pytest.mark.parametrize(("message", "results", "expected"), ANSWERS)
async def test_results_are_told_in_readable_markdown(message: str, results: dict[str, str], expected: str):
    assert expected in text((await run(message, results))[-1])


async def test_results_of_other_tools_are_told_too():
    made = AssistantMessage("", (ToolCall("a", "roll_dice", '{"sides": 6}'), ToolCall("b", "open", "{}")))
    messages = (UserMessage("roll"), made, ToolMessage("a", '{"rolled": 4}'))
    answer = text(await ask(DemoChatModel(pace=0), messages=messages))
    assert 'roll_dice (6): {"rolled": 4}' in answer


async def test_tools_that_the_agent_does_not_have_are_named():
    answer = text(await ask(DemoChatModel(pace=0), BOTH, tools=()))
    assert "`get_weather`, `calculate`" in answer
    partly = await ask(DemoChatModel(pace=0), BOTH, tools=(calculate,))
    assert [call.name for call in calls(partly)] == ["calculate"]
    messages = (
        UserMessage(BOTH),
        AssistantMessage("", calls(partly)),
        ToolMessage(calls(partly)[0].id, RESULTS["calculate"]),
    )
    assert "I would need `get_weather`" in text(await ask(DemoChatModel(pace=0), messages=messages, tools=(calculate,)))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Hello!", "Hello! I can try a few things"),
        ("Good morning", "Hello! I can try a few things"),
        ("help", "I understand simple requests"),
        ("What can you do?", "I understand simple requests"),
        ("Who are you?", "I'm the demo model that comes with this server"),
        ("thank you", "You're welcome"),
        ("show me a table", "| Planet |"),
        ("show me some code", "```python"),
        ("show me markdown", "> A quotation."),
        ("What is the meaning of life?", "beyond what a demo model can answer"),
        ("", "beyond what a demo model can answer"),
    ],
)
async def test_every_answer_says_that_it_is_a_demo(message: str, expected: str):
    answer = text(await ask(DemoChatModel(pace=0), message, tools=TOOLS))
    assert answer.startswith(expected) or expected in answer
    assert answer.endswith(NOTE)
    assert "OPENAI_API_KEY" in NOTE
    assert "OPENAI_BASE_URL" in NOTE


async def test_long_streams_can_be_asked_for():
    assert ", 199, 200" in text(await ask(DemoChatModel(pace=0), "Count to 200"))
    assert text(await ask(DemoChatModel(pace=0), "count to 99999999999")).count(",") < 2001
    assert "nothing to count" in text(await ask(DemoChatModel(pace=0), "count to 0"))
    assert len(text(await ask(DemoChatModel(pace=0), "write a long story")).split()) > 1500


async def test_it_thinks_aloud_when_it_is_asked_to():
    deltas = await ask(DemoChatModel(pace=0), "Think about the sea")
    assert isinstance(deltas[0], ReasoningDelta)
    assert "script" in reasoning(deltas)


async def test_a_conversation_without_a_message_is_answered():
    assert text(await ask(DemoChatModel(pace=0), messages=()))


async def test_it_streams_word_by_word_at_its_pace():
    started = time.monotonic()
    deltas = await ask(DemoChatModel(pace=0.002), "count to 30")
    assert time.monotonic() - started >= 0.002 * 50
    words = [delta.content for delta in deltas if isinstance(delta, TextDelta)]
    assert words[:3] == ["1,", " 2,", " 3,"]
    assert "".join(words) == text(await ask(DemoChatModel(pace=0), "count to 30"))


async def test_it_can_be_stopped_in_the_middle():
    task = asyncio.create_task(ask(DemoChatModel(pace=0.01), "count to 2000"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_its_usage_is_an_estimate():
    usage = end(await ask(DemoChatModel(pace=0), "Hello")).usage
    assert usage
    assert usage.estimated
    assert usage.input_tokens > 0
    assert usage.output_tokens > 10


def test_it_is_made_for_the_built_in_tools():
    names: set[str] = {each.name for each in TOOLS if isinstance(each, Tool)}
    assert names == {"get_weather", "calculate", "get_time", "search_web", "get_stock_price"}
