"""The chat page as a person uses it, in a real Chromium."""

import json
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

END: Sequence[Mapping[str, Any]] = [{"finish": "stop"}, {"usage": [12, 34]}, {"done": True}]


def script(*steps: Mapping[str, Any]) -> str:
    """A message that the scripted provider answers with these steps (see tests.provider_script)."""
    return json.dumps([*steps, *END])


def turns(*rounds: Sequence[Mapping[str, Any]]) -> str:
    """A message that is answered in several model turns: tool calls first, then a text."""
    endings = [{"finish": "tool_calls"}, {"done": True}]
    return json.dumps({"turns": [[*steps, *endings] for steps in rounds[:-1]] + [[*rounds[-1], *END]]})


def paced(count: int, milliseconds: int) -> str:
    return f"paced:{count}:{milliseconds}"


def request(url: str, method: str = "GET", body: object = None) -> Any:
    """A request of the local user, past the page; the JSON of its answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    with urllib.request.urlopen(
        urllib.request.Request(url, data=data, method=method, headers=headers), timeout=20
    ) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@dataclass
class HeldRequests:
    """The requests of a page to `pattern`, at `most` so many, held until a test answers them."""

    page: Page
    pattern: str
    most: int = 1000
    routes: list[Route] = dataclass_field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.route(self.pattern, self._hold)

    def _hold(self, route: Route) -> None:
        if len(self.routes) == self.most:
            route.continue_()
        else:
            self.routes.append(route)

    def first(self, *, seconds: float = 10) -> Route:
        """The first one, as soon as the page has asked. Raises AssertionError when it does not within `seconds`."""
        deadline = time.monotonic() + seconds
        while not self.routes:
            assert time.monotonic() < deadline, f"the page has not asked for {self.pattern}"
            self.page.wait_for_timeout(20)
        return self.routes[0]

    def let_go(self) -> None:
        """Holds no more of them."""
        self.page.unroute(self.pattern, self._hold)


@dataclass
class ChatPage:
    """`problems` gathers what the browser complains about: errors of scripts, and what the security policy refuses."""

    page: Page
    url: str
    problems: list[str] = dataclass_field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.problems.append(f"{error}"))
        self.page.on("console", lambda told: self._listen(told.type, told.text))

    def _listen(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith(("Failed to load resource", "WebSocket connection")):
            self.problems.append(text)

    def open(self, path: str = "/") -> "ChatPage":
        self.page.goto(self.url + path)
        expect(self.connection).to_have_text("live")
        return self

    def ask(self, message: str) -> None:
        self.field.fill(message)
        self.field.press("Enter")

    def answered(self, message: str, *, seconds: float = 15) -> Locator:
        """Ask, wait until the answer is complete, and return it."""
        self.ask(message)
        return self.done(seconds=seconds)

    def done(self, *, seconds: float = 15) -> Locator:
        answer = self.answers.last
        expect(answer).to_have_attribute("data-status", "completed", timeout=seconds * 1000)
        return answer

    def hold(self, pattern: str, *, most: int = 1000) -> HeldRequests:
        return HeldRequests(self.page, pattern, most)

    def js(self, expression: str, argument: object = None) -> Any:
        return self.page.evaluate(expression, argument)

    @property
    def conversation_id(self) -> str:
        return self.page.url.partition("conversation=")[2]

    @property
    def field(self) -> Locator:
        return self.page.locator("#message")

    @property
    def send(self) -> Locator:
        return self.page.get_by_role("button", name="Send", exact=True)

    @property
    def stop(self) -> Locator:
        return self.page.get_by_role("button", name="Stop", exact=True)

    @property
    def connection(self) -> Locator:
        return self.page.locator("#connection")

    @property
    def banner(self) -> Locator:
        return self.page.locator("#banner")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def questions(self) -> Locator:
        return self.page.locator(".own .bubble")

    @property
    def answers(self) -> Locator:
        return self.page.locator(".answer")

    @property
    def rows(self) -> Locator:
        return self.page.locator(".conversation")

    @property
    def toast(self) -> Locator:
        return self.page.locator(".toast")

    def scrolls_sideways(self) -> bool:
        return bool(self.js("() => document.documentElement.scrollWidth > innerWidth"))

    def accessibility_violations(self) -> list[str]:
        """What axe finds, one line a rule and element."""
        if not self.js("() => 'axe' in window"):
            self.page.add_script_tag(url="/static/vendor/axe.js")
        found = self.js("async () => (await axe.run()).violations")
        return [f"{rule['id']}: {node['target']} {node['html'][:120]}" for rule in found for node in rule["nodes"]]
