"""What stands around an answer's text: tool cards, reasoning, failures, facts."""

import re

from playwright.sync_api import expect

from tests.browser.chat_page import ChatPage, paced, script, turns
from tests.browser.samples import CALL, FAILING, WEATHER


def test_one_card_holds_the_calls_of_a_round(chat: ChatPage) -> None:
    answer = chat.answered(
        turns([{"text": "Let me see."}, CALL, FAILING], [{**CALL, "id": "call_c"}], [{"text": "It is 42."}])
    )
    expect(answer.locator(".answer-caption")).to_have_text("two tools at once")
    cards = answer.locator(".tools")
    expect(cards).to_have_count(2)
    rows = cards.first.locator(".tool")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_have_attribute("data-state", "ok")
    expect(rows.nth(1)).to_have_attribute("data-state", "bad")
    expect(rows.nth(0).locator(".tool-name")).to_have_text("calculate")
    expect(rows.nth(0).locator(".tool-arguments")).to_have_text("expression: 15 + 27")
    expect(rows.nth(0).locator(".tool-time")).to_have_text(re.compile(r"^\d+ ms$"))
    kinds = chat.js("() => [...document.querySelector('.answer-body').children].map(part => part.classList[0])")
    assert kinds == ["markdown", "tools", "tools", "markdown"]


def test_a_row_opens_to_arguments_and_result(chat: ChatPage) -> None:
    answer = chat.answered(turns([CALL, FAILING], [{"text": "Done."}]))
    heads = answer.locator(".tool-head")
    expect(heads.first).to_have_attribute("aria-expanded", "false")
    heads.first.click()
    expect(heads.first).to_have_attribute("aria-expanded", "true")
    parts = answer.locator(".tool").first.locator(".tool-part")
    expect(parts.nth(0)).to_contain_text('{\n  "expression": "15 + 27"\n}', use_inner_text=True)
    expect(parts.nth(1)).to_contain_text("42")
    heads.nth(1).click()
    expect(answer.locator(".tool").nth(1)).to_contain_text("Error")
    heads.first.click()
    expect(parts.first).to_be_hidden()


def test_a_running_tool_shows_its_time(chat: ChatPage) -> None:
    chat.ask(
        turns([{"call": "get_weather", "arguments": {"city": "Tokyo"}}, {**CALL, "index": 1}], [{"text": "Done."}])
    )
    rows = chat.page.locator(".tool")
    expect(rows.nth(0)).to_have_attribute("data-state", "run")
    expect(rows.nth(1)).to_have_attribute("data-state", "ok")
    expect(rows.nth(0).locator(".tool-time")).to_have_text(re.compile(r"^(\d\d\d ms|[12]\.\d s)$"))
    first = rows.nth(0).locator(".tool-time").inner_text()
    expect(rows.nth(0).locator(".tool-time")).not_to_have_text(first)
    chat.page.keyboard.press("Escape")
    expect(rows.nth(0)).to_have_attribute("data-state", "off")
    expect(rows.nth(0)).to_contain_text("cancelled")


def test_reasoning_folds_away(chat: ChatPage) -> None:
    answer = chat.answered(script({"reasoning": "Let me "}, {"delay": 0.1}, {"reasoning": "think."}, {"text": "Done."}))
    expect(answer.locator("summary")).to_have_text(re.compile(r"Thought for \d+ s"))
    expect(answer.locator(".reasoning-text")).to_be_hidden()
    answer.locator("summary").click()
    expect(answer.locator(".reasoning-text")).to_have_text("Let me think.")


def test_an_answer_says_what_it_took(chat: ChatPage) -> None:
    facts = chat.answered(script({"text": "Fine."})).locator(".facts")
    expect(facts).to_contain_text("scripted")
    expect(facts).to_contain_text(re.compile(r"first word after \d+ ms"))
    expect(facts).to_contain_text(re.compile(r"12 tokens in, 34 out"))


def test_copy_gives_the_markdown_and_the_code(chat: ChatPage) -> None:
    answer = chat.answered(script({"text": WEATHER}))
    read = "() => navigator.clipboard.readText()"
    answer.get_by_role("button", name="Copy answer").click()
    expect(chat.toast).to_have_text("Copied")
    assert chat.js(read) == WEATHER.strip()
    answer.get_by_role("button", name="Copy Python code").click()
    assert chat.js(read) == "def answer() -> int:\n    return 42  # a comment"
    chat.page.locator(".own").hover()
    chat.page.get_by_role("button", name="Copy message").click()
    assert chat.js(read) == script({"text": WEATHER})


def test_a_failed_answer_keeps_its_text_and_offers_retry(chat: ChatPage) -> None:
    chat.ask(script({"text": "The first half"}, {"delay": 0.1}, {"cut": "rst"}))
    failure = chat.page.get_by_role("alert").filter(has=chat.page.get_by_role("button", name="Retry"))
    expect(failure).to_contain_text("model_")
    expect(chat.answers.last).to_contain_text("The first half")
    failure.get_by_role("button", name="Retry").click()
    expect(chat.questions).to_have_count(2)
    expect(chat.answers.last).to_have_attribute("data-status", "failed")
    chat.page.reload()
    expect(chat.answers.last.get_by_role("button", name="Retry")).to_be_visible()


def test_the_end_stays_in_view_until_the_reader_scrolls_up(chat: ChatPage) -> None:
    at_end = """() => {
        const { scrollHeight, scrollTop, clientHeight } = document.querySelector("#scroller");
        return scrollHeight - scrollTop - clientHeight < 30;
    }"""
    lines = [{"text": f"Line {number}\n\n"} for number in range(120)]
    chat.ask(script({"pace": lines, "every": 0.03}))
    expect(chat.answers.last).to_contain_text("Line 40")
    assert chat.js(at_end)
    jump = chat.page.get_by_role("button", name="Jump to latest")
    expect(jump).to_be_hidden()
    chat.page.locator("#scroller").hover()
    chat.page.mouse.wheel(0, -300)
    expect(jump).to_be_visible()
    top = chat.js("() => document.querySelector('#scroller').scrollTop")
    expect(chat.answers.last).to_contain_text("Line 60")
    assert abs(chat.js("() => document.querySelector('#scroller').scrollTop") - top) < 2
    jump.click()
    expect(jump).to_be_hidden()
    chat.done()
    assert chat.js(at_end)


def test_the_end_of_an_answer_is_announced_once(chat: ChatPage) -> None:
    chat.js(
        """() => {
            window.said = [];
            new MutationObserver(() => {
                const text = document.querySelector("#status").textContent;
                if (text) window.said.push(text);
            }).observe(document.querySelector("#status"), {childList: true, characterData: true, subtree: true});
        }"""
    )
    chat.ask(paced(30, 20))
    expect(chat.log).to_have_attribute("aria-busy", "true")
    chat.done()
    expect(chat.log).to_have_attribute("aria-busy", "false")
    chat.page.wait_for_function("() => window.said.length")
    assert chat.js("() => window.said") == ["The answer is complete."]
