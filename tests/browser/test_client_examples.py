"""The browser clients of docs/clients.md run unchanged in a page of the server, and print what they promise."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.examples import QUESTION, example
from tests.product import Product

NOTICE_THE_END = """() => ws.addEventListener("message", (frame) => {
    if (JSON.parse(frame.data).type === "chat_complete") window.finished = true;
})"""


class Console:
    """What a page prints: the values of each line, and everything that it complains about."""

    def __init__(self, page: Page) -> None:
        self.lines: list[tuple[Any, ...]] = []
        self.errors: list[str] = []
        page.on("console", self._keep)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _keep(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.text} ({message.location})")
        else:
            self.lines.append(tuple(argument.json_value() for argument in message.args))

    def values(self, title: str) -> list[Any]:
        return [line[1] for line in self.lines if line[0] == title]


@pytest.fixture
def page(browser: Browser, demo: Product) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://localhost:{demo.port}/")
    yield page
    context.close()


def test_the_stream_client_prints_chunks_tools_and_the_end(page: Page, demo: Product) -> None:
    console = Console(page)
    program = example("javascript", "fetch(", demo)
    page.evaluate(f"async (question) => {{ {program}\n await streamChat(question); }}", QUESTION)
    page.wait_for_timeout(200)
    assert console.errors == []
    assert {call["name"] for call in console.values("Tool call completed:")} == {"get_weather", "calculate"}
    assert all(call["status"] == "completed" for call in console.values("Tool call completed:"))
    (answer,) = console.values("Chat completed:")
    assert "".join(console.values("Chat chunk:")) == answer
    assert "42" in answer


def test_the_socket_client_prints_chunks_and_tools(page: Page, demo: Product) -> None:
    console = Console(page)
    program = example("javascript", "new WebSocket", demo)
    page.evaluate(f"() => {{ {program}\n Object.assign(window, {{ws, sendMessage}}); }}")
    page.wait_for_function("() => ws.readyState === WebSocket.OPEN")
    page.evaluate(NOTICE_THE_END)
    page.evaluate("(question) => sendMessage(question)", QUESTION)
    page.wait_for_function("() => window.finished")
    assert console.errors == []
    assert console.lines[0] == ("WebSocket connected",)
    events = console.values("Tool call:")
    starts, ends = events[:2], events[2:]
    assert [event["event_type"] for event in starts] == ["tool_call_start"] * 2
    assert [event["event_type"] for event in ends] == ["tool_call_complete"] * 2
    assert "42" in "".join(console.values("Chat chunk:"))
