"""A browser, and the product with a scripted model provider behind it."""

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.chat_page import ChatPage
from tests.browser.gate import Gate
from tests.processes import Processes
from tests.product import Product, Products
from tests.weather import WeatherService

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP *.example 127.0.0.1",
]  # fmt: skip
DESKTOP = {"viewport": {"width": 1280, "height": 800}, "locale": "en-US"}
NewPage = Callable[..., ChatPage]


# Scoped to this package, not to the session: while Playwright's synchronous side is open no other event loop can run.
@pytest.fixture(scope="package")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def provider_url(processes: Processes) -> Iterator[str]:
    provider = processes.start("provider", [sys.executable, "-u", "-m", "tests.provider", "--port", "0"])
    provider.wait_for("/v1")
    yield provider.log.split()[-1]
    provider.kill()


@pytest.fixture(scope="package")
def silent_url() -> Iterator[str]:
    """A service that takes connections and never answers: a tool that asks it runs until it is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="package")
def product(products: Products, provider_url: str, silent_url: str) -> Iterator[Product]:
    """A server whose model says what the message tells it to (see `script` in chat_page); its weather never comes."""
    before = len(products)
    yield products.serve(
        OPENAI_BASE_URL=provider_url, DEFAULT_MODEL="scripted", WEATHER_GEOCODING_URL=silent_url, DRAIN_SECONDS=1
    )
    products.end(since=before)


@pytest.fixture(scope="package")
def demo(products: Products) -> Iterator[Product]:
    """A server whose demo model calls two tools at once."""
    before = len(products)
    with WeatherService() as weather:
        yield products.serve(**weather.settings)
        products.end(since=before)


@pytest.fixture(scope="package")
def shared_context(browser: Browser) -> Iterator[BrowserContext]:
    """One for most tests: its cache saves each of them the loading of forty modules."""
    context = browser.new_context(**DESKTOP)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def new_page(browser: Browser, shared_context: BrowserContext, product: Product) -> Iterator[NewPage]:
    """`new_page(url, **options)`: a page that must not complain; with options in a browser context of its own."""
    pages: list[ChatPage] = []
    own: list[BrowserContext] = []

    def make(url: str | None = None, *, beside: ChatPage | None = None, **options: Any) -> ChatPage:
        context = beside.page.context if beside else shared_context
        if options:
            context = browser.new_context(**{**DESKTOP, **options})
            own.append(context)
        context.set_default_timeout(10_000)
        page = ChatPage(context.new_page(), url or product.url)
        pages.append(page)
        if beside is None:  # what an earlier test has left in the shared context: drafts, choices
            page.page.goto(f"{page.url}/static/chat/icon.svg")
            page.js("() => localStorage.clear()")
        return page

    yield make
    problems = [problem for page in pages for problem in page.problems]
    for page in pages:
        page.page.close()
    for context in own:
        context.close()
    assert problems == []


@pytest.fixture
def chat(new_page: NewPage) -> ChatPage:
    """The page, opened on a chat that has not begun."""
    return new_page().open()


@pytest.fixture
def gate(product: Product) -> Iterator[Gate]:
    gate = Gate(product.port)
    yield gate
    gate.close()
