"""Themes, narrow windows, keyboard, accessibility, signing in, and the pages beside the chat."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat_page import ChatPage, script, turns
from tests.browser.conftest import NewPage
from tests.browser.test_page_answers import CALL, FAILING, WEATHER
from tests.product import Product, Products

WIDE_THINGS = "\n\n".join(
    [
        "| " + " | ".join(f"column {number}" for number in range(12)) + " |\n|" + "---|" * 12 + "\n|" + " value |" * 12,
        "```python\n" + "x = '" + "long " * 60 + "'\n```",
        "A" * 300,
        "https://example.com/" + "path/" * 60,
        "`" + "inline" * 60 + "`",
    ]
)
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
RICH = turns([{"reasoning": "Hm."}, CALL, FAILING], [{"text": WEATHER}])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(new_page: NewPage, scheme: str) -> None:
    chat = new_page(color_scheme=scheme).open()
    assert chat.accessibility_violations() == []
    answer = chat.answered(RICH)
    for head in answer.locator(".tool-head").all():
        head.click()
    answer.locator("summary").click()
    assert chat.accessibility_violations() == []
    chat.ask(script({"text": "Half"}, {"cut": "rst"}))
    expect(chat.answers.last).to_have_attribute("data-status", "failed")
    chat.page.locator("#agent").click()
    assert chat.accessibility_violations() == []
    chat.page.keyboard.press("Escape")
    chat.page.get_by_role("button", name="Settings").click()
    assert chat.accessibility_violations() == []


def test_a_phone_shows_everything_without_scrolling_sideways(new_page: NewPage) -> None:
    chat = new_page(**PHONE).open()
    assert not chat.scrolls_sideways()
    chat.answered(script({"text": WIDE_THINGS}))
    assert not chat.scrolls_sideways()
    chat.answered(turns([{"call": "calculate", "arguments": {"expression": "1 + " * 80 + "1"}}], [{"text": "Done."}]))
    chat.page.locator(".tool-head").last.click()
    assert not chat.scrolls_sideways()
    assert chat.js("() => document.querySelector('.table').scrollWidth > document.querySelector('.table').clientWidth")
    assert chat.accessibility_violations() == []


def test_on_a_phone_the_list_is_a_drawer(new_page: NewPage) -> None:
    chat = new_page(**PHONE).open()
    sidebar, opener = chat.page.locator("#sidebar"), chat.page.locator("#open-sidebar")
    expect(sidebar).not_to_be_visible()
    opener.click()
    expect(sidebar).to_be_visible()
    assert chat.js("() => document.querySelector('#sidebar').contains(document.activeElement)")
    assert chat.js("() => document.querySelector('#main').inert")
    chat.page.wait_for_timeout(300)
    assert chat.accessibility_violations() == []
    chat.page.keyboard.press("Escape")
    expect(sidebar).not_to_be_visible()
    expect(opener).to_be_focused()
    opener.click()
    chat.page.get_by_role("button", name="New chat").click()
    expect(sidebar).not_to_be_visible()


def test_controls_are_large_enough_for_a_finger(new_page: NewPage) -> None:
    chat = new_page(**PHONE).open()
    chat.answered(RICH)
    chat.page.locator("#open-sidebar").click()
    small = chat.js(
        """() => [...document.querySelectorAll("button, a.conversation-link, summary, input")]
            .filter((e) => e.checkVisibility() && !e.closest("dialog"))
            .map((e) => [e.outerHTML.slice(0, 80), e.getBoundingClientRect().width, e.getBoundingClientRect().height])
            .filter(([, width, height]) => width < 43.5 || height < 43.5)"""
    )
    assert small == []


def test_a_chosen_theme_is_there_before_the_first_paint(new_page: NewPage) -> None:
    chat = new_page(color_scheme="light").open()
    background = "() => getComputedStyle(document.body.parentElement).backgroundColor"
    assert chat.js(background) == "rgb(251, 250, 248)"
    chat.page.get_by_role("button", name="Settings").click()
    chat.page.get_by_role("radio", name="Dark").check()
    assert chat.js(background) == "rgb(22, 22, 21)"
    chat.page.add_init_script(
        """new MutationObserver(() => {
            if (document.body) window.firstTheme ??= document.documentElement.dataset.theme ?? "none";
        }).observe(document, {childList: true, subtree: true});"""
    )
    chat.page.reload()
    assert chat.js("() => window.firstTheme") == "dark"
    assert chat.js(background) == "rgb(22, 22, 21)"
    chat.page.get_by_role("button", name="Settings").click()
    chat.page.get_by_role("radio", name="System").check()
    assert chat.js(background) == "rgb(251, 250, 248)"


def test_the_system_theme_is_followed(new_page: NewPage) -> None:
    chat = new_page(color_scheme="dark").open()
    assert chat.js("() => getComputedStyle(document.documentElement).backgroundColor") == "rgb(22, 22, 21)"


def test_nothing_moves_for_those_who_want_no_motion(new_page: NewPage) -> None:
    chat = new_page(reduced_motion="reduce").open()
    chat.ask('[{"call": "get_weather", "arguments": {"city": "Tokyo"}}, {"finish": "tool_calls"}, {"done": true}]')
    expect(chat.page.locator(".tool")).to_have_attribute("data-state", "run")
    chat.page.wait_for_timeout(100)
    assert chat.js("() => document.getAnimations().filter((a) => a.playState === 'running').length") == 0
    chat.stop.click()


def test_keys_lead_everywhere(chat: ChatPage) -> None:
    chat.answered("say:Fine.")
    keyboard = chat.page.keyboard
    keyboard.press("Control+k")
    expect(chat.page.get_by_role("searchbox")).to_be_focused()
    chat.page.locator("#agent").focus()
    keyboard.press("/")
    expect(chat.field).to_be_focused()
    keyboard.press("/")
    expect(chat.field).to_have_value("/")
    keyboard.press("Control+Shift+O")
    expect(chat.answers).to_have_count(0)
    chat.page.locator("#agent").focus()
    keyboard.press("?")
    expect(chat.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    keyboard.press("Escape")
    expect(chat.page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_every_control_is_reached_by_tab_with_a_visible_focus(chat: ChatPage) -> None:
    chat.answered(RICH)
    chat.js("() => document.activeElement.blur()")
    reached: set[str] = set()
    for step in range(50):
        if step == 8:
            chat.page.locator("#agent").focus()  # past the list, which may be long
        chat.page.keyboard.press("Tab")
        name, outline = chat.js(
            """() => {
                const e = document.activeElement;
                const style = getComputedStyle(e.matches("#search, #message") ? e.parentElement : e);
                return [e.id || e.className, style.outlineStyle !== "none" || e.id === "message"];
            }"""
        )
        if name:
            assert outline, name
            reached.add(name)
    assert {"skip", "new-chat", "search", "tool-head", "copy-code", "message"} <= reached


def test_a_page_that_is_not_there_looks_like_the_rest(chat: ChatPage) -> None:
    answer = chat.page.goto(f"{chat.url}/no/such/page")
    assert answer is not None
    assert answer.status == 404
    expect(chat.page.get_by_role("heading")).to_have_text("There is nothing here.")
    assert chat.accessibility_violations() == []
    chat.page.get_by_role("link", name="To the chat").click()
    expect(chat.field).to_be_visible()


@pytest.fixture(scope="module")
def guarded(products: Products) -> Iterator[Product]:
    """A server that asks everybody to sign in, with no model provider, and one message a minute."""
    before = len(products)
    server = products.serve(OPEN_ACCESS=0, RATE_LIMIT_MESSAGES="1/min", DJANGO_SUPERUSER_PASSWORD="correct horse")
    server.manage("createsuperuser", "--noinput", "--username", "dora", "--email", "dora@example.com")
    yield server
    products.end(since=before)


def test_from_signing_in_to_signing_out(guarded: Product, new_page: NewPage) -> None:
    chat = new_page(guarded.url, locale="en-US")
    page = chat.page
    page.goto(guarded.url)
    expect(page).to_have_url(f"{guarded.url}/accounts/login/?next=/")
    assert chat.accessibility_violations() == []
    page.get_by_label("Username").fill("dora")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    expect(chat.connection).to_have_text("live")
    expect(page.locator(".user-name")).to_have_text("dora")

    expect(page.get_by_role("note")).to_contain_text("OPENAI_API_KEY")
    assert chat.accessibility_violations() == []
    expect(chat.answered("What is 15 + 27?")).to_contain_text("42")

    chat.ask("What is 1 + 1?")
    retry = chat.answers.last.get_by_role("button", name="Retry in")
    expect(retry).to_be_disabled()
    expect(chat.answers.last).to_contain_text("rate_limited")
    page.reload()
    expect(chat.field).to_have_value("What is 1 + 1?")

    other = new_page(beside=chat, url=guarded.url).open()
    other.page.get_by_role("button", name="Settings").click()
    other.page.get_by_role("button", name="Sign out").click()
    expect(other.page.get_by_role("heading")).to_have_text("Sign in")
    page.get_by_role("searchbox").fill("anything")
    expect(page.get_by_role("alert").filter(has_text="You are signed out")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
