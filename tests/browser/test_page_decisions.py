"""A tool call that a crash has cut: a person says on the page what became of it."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat_page import ChatPage, turns
from tests.browser.conftest import NewPage
from tests.browser.samples import CALL, FAILING
from tests.product import Product
from tests.wire.rows import execute

LOST = "The server was lost while this tool ran."


@pytest.fixture
def lost(chat: ChatPage, product: Product) -> ChatPage:
    """The page on an answer with two calls, of which the first is as a crash would leave it."""
    chat.answered(turns([CALL, FAILING], [{"text": "Done."}]))
    execute(product, "UPDATE chat_toolcall SET status = 'outcome_unknown', result = NULL, error = ?, content = ?"
            " WHERE call_id = 'call_a'", LOST, LOST)  # fmt: skip
    chat.page.reload()
    expect(question(chat)).to_be_visible()
    return chat


def question(chat: ChatPage) -> Locator:
    return chat.page.get_by_role("group", name="It is not known whether this call had its effect.")


def row(chat: ChatPage) -> Locator:
    return chat.answers.last.locator(".tool").first


def test_the_question_stands_at_the_call_whose_outcome_is_unknown_and_nowhere_else(lost: ChatPage) -> None:
    expect(question(lost)).to_have_count(1)
    expect(row(lost)).to_contain_text("outcome unknown")
    expect(question(lost).get_by_role("button")).to_have_text(["It happened", "It did not", "Run again"])
    assert lost.accessibility_violations() == []


@pytest.mark.parametrize(("choice", "state"), [("It happened", "ok"), ("It did not", "bad"), ("Run again", "ok")])
def test_a_choice_settles_the_call_for_good(lost: ChatPage, choice: str, state: str) -> None:
    question(lost).get_by_role("button", name=choice).click()
    expect(question(lost)).to_have_count(0)
    expect(row(lost)).to_have_attribute("data-state", state)
    row(lost).locator(".tool-head").click()
    told = {"It happened": "Arguments", "It did not": "had no effect", "Run again": "42"}[choice]
    expect(row(lost).locator(".tool-detail")).to_contain_text(told)
    lost.page.reload()
    expect(row(lost)).to_have_attribute("data-state", state)
    expect(question(lost)).to_have_count(0)


def test_the_choices_are_reached_with_the_keyboard_and_the_focus_stays_at_the_call(lost: ChatPage) -> None:
    row(lost).locator(".tool-head").focus()
    lost.page.keyboard.press("Tab")
    expect(question(lost).get_by_role("button", name="It happened")).to_be_focused()
    lost.page.keyboard.press("Tab")
    lost.page.keyboard.press("Enter")
    expect(row(lost)).to_have_attribute("data-state", "bad")
    expect(row(lost).locator(".tool-head")).to_be_focused()
    expect(lost.page.locator("#status")).to_have_text("The tool call is marked as failed.")


def test_whoever_comes_second_sees_what_was_decided(lost: ChatPage, new_page: NewPage) -> None:
    other = new_page(beside=lost).open(f"/?conversation={lost.conversation_id}")
    question(other).get_by_role("button", name="It happened").click()
    expect(row(other)).to_have_attribute("data-state", "ok")
    question(lost).get_by_role("button", name="It did not").click()
    expect(lost.toast).to_contain_text("decided otherwise")
    expect(row(lost)).to_have_attribute("data-state", "ok")
    expect(question(lost)).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_question_fits_and_has_contrast(lost: ChatPage, width: int, scheme: str) -> None:
    lost.page.set_viewport_size({"width": width, "height": 800})
    lost.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    expect(question(lost).get_by_role("button", name=re.compile("Run again"))).to_be_in_viewport()
    assert not lost.scrolls_sideways()
    assert lost.accessibility_violations() == []
