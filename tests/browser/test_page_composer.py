"""Writing a message: keys, drafts, Send and Stop."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.browser.chat_page import ChatPage, HeldRequests, paced, script
from tests.browser.conftest import NewPage

KEY_DOWN = """(element, options) =>
    element.dispatchEvent(new KeyboardEvent("keydown", {bubbles: true, cancelable: true, ...options}))"""


def test_enter_sends_and_shift_enter_breaks_the_line(chat: ChatPage) -> None:
    chat.field.press_sequentially("one")
    chat.field.press("Shift+Enter")
    chat.field.press_sequentially("two")
    expect(chat.field).to_have_value("one\ntwo")
    chat.field.press("Enter")
    expect(chat.questions).to_have_text(["one\ntwo"])
    expect(chat.field).to_have_value("")
    expect(chat.answers.last).to_contain_text("Hello from the scripted provider.")


def test_enter_inside_an_input_method_chooses_a_word(chat: ChatPage) -> None:
    chat.field.fill("こんに")
    for options in ({"key": "Enter", "isComposing": True}, {"key": "Enter", "keyCode": 229}):
        chat.field.evaluate(KEY_DOWN, options)
    expect(chat.field).to_have_value("こんに")
    expect(chat.questions).to_have_count(0)


def test_an_empty_message_is_not_sent(chat: ChatPage) -> None:
    expect(chat.send).to_be_disabled()
    chat.field.fill("  \n ")
    expect(chat.send).to_be_disabled()
    chat.field.press("Enter")
    expect(chat.questions).to_have_count(0)


def test_the_field_grows_with_its_text_up_to_a_limit(chat: ChatPage) -> None:
    def height() -> float:
        return float(chat.js("() => document.querySelector('#message').offsetHeight"))

    one_line = height()
    chat.field.fill("line\n" * 5)
    assert height() > 4 * one_line
    chat.field.fill("line\n" * 200)
    assert height() < 400
    chat.field.fill("")
    assert height() == one_line


def test_own_message_and_a_waiting_state_are_there_at_once(chat: ChatPage) -> None:
    """Before the next frame, and before anything has gone over the network."""
    chat.field.fill("say:Hello")
    shown = chat.js(
        """() => {
            document.querySelector("#composer").requestSubmit();
            const parts = [".own", ".answer .waiting", ".stop:not([hidden])"];
            return parts.map((part) => document.querySelector(part) !== null);
        }"""
    )
    assert shown == [True, True, True]
    chat.done()


def test_a_message_sent_before_the_agents_are_known_is_not_put_back(new_page: NewPage) -> None:
    chat = new_page()
    frames: list[Callable[[], None]] = []

    def hold(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda frame: frames.append(lambda: server.send(frame)))

    asked = chat.hold("**/agents*")
    chat.page.route_web_socket("**/ws", hold)
    chat.open()
    chat.ask("say:Early.")
    expect(chat.questions).to_have_text(["say:Early."])
    asked.first().continue_()
    expect(chat.page.locator("#agent")).to_contain_text("scripted")
    expect(chat.field).to_have_value("")
    for send in frames:
        send()
    chat.done()
    expect(chat.field).to_have_value("")


def refuse(route: Route, status: int, code: str, message: str) -> None:
    route.fulfill(status=status, json={"error": {"code": code, "message": message, "request_id": "r"}})


@pytest.fixture
def arriving(chat: ChatPage) -> HeldRequests:
    """A page that was reloaded with a conversation in its address; the request for its messages is held."""
    chat.ask("say:First.")
    chat.done()
    asked = chat.hold("**/conversations/*/messages*")
    chat.page.reload()
    return asked


def test_a_message_sent_before_the_conversation_has_come_goes_into_it(chat: ChatPage, arriving: HeldRequests) -> None:
    chat.ask("say:Second.")
    arriving.first().continue_()
    expect(chat.questions).to_have_text(["say:First.", "say:Second."])
    expect(chat.field).to_have_value("")
    chat.done()
    arriving.let_go()
    chat.page.reload()
    expect(chat.questions).to_have_text(["say:First.", "say:Second."])


def test_what_is_written_while_the_conversation_comes_stays(chat: ChatPage, arriving: HeldRequests) -> None:
    chat.field.fill("Half a")
    arriving.first().continue_()
    expect(chat.questions).to_have_text(["say:First."])
    expect(chat.field).to_have_value("Half a")


def test_a_new_history_is_chosen_while_the_conversation_comes(chat: ChatPage, arriving: HeldRequests) -> None:
    chip = chat.page.get_by_role("button", name="New history")
    chip.click()
    chat.ask("say:Second.")
    arriving.first().continue_()
    expect(chat.questions).to_have_text(["say:Second."])
    chat.done()


def test_a_message_to_a_conversation_that_fails_to_come_waits_for_it(chat: ChatPage, arriving: HeldRequests) -> None:
    chat.ask("say:Second.")
    refuse(arriving.first(), 503, "unavailable", "The database cannot be reached.")
    expect(chat.toast).to_have_text("The database cannot be reached.")
    expect(chat.field).to_have_value("say:Second.")
    expect(chat.questions).to_have_count(0)
    arriving.let_go()
    chat.send.click()
    expect(chat.questions).to_have_text(["say:First.", "say:Second."])
    chat.done()
    chat.problems.clear()  # the browser tells of the 503


def test_a_message_to_a_conversation_that_is_gone_stays_in_the_field(chat: ChatPage, arriving: HeldRequests) -> None:
    chat.ask("say:Second.")
    refuse(arriving.first(), 404, "not_found", "There is no such conversation.")
    expect(chat.toast).to_have_text("This conversation does not exist any more.")
    expect(chat.field).to_have_value("say:Second.")
    assert chat.conversation_id == ""
    chat.problems.clear()  # the browser tells of the 404


def test_stop_takes_the_place_of_send_and_keeps_what_was_written(chat: ChatPage) -> None:
    chat.ask(paced(500, 20))
    expect(chat.answers.last).to_contain_text("t3")
    expect(chat.send).to_be_hidden()
    chat.stop.click()
    answer = chat.answers.last
    expect(answer).to_have_attribute("data-status", "cancelled")
    expect(answer).to_contain_text("t3")
    expect(answer).to_contain_text("Stopped")
    expect(chat.send).to_be_visible()
    expect(chat.field).to_be_focused()
    chat.page.reload()
    expect(chat.answers.last).to_contain_text("Stopped")
    expect(chat.answers.last).to_contain_text("t3")


def test_escape_stops(chat: ChatPage) -> None:
    chat.ask(paced(500, 20))
    expect(chat.answers.last).to_contain_text("t3")
    chat.page.keyboard.press("Escape")
    expect(chat.answers.last).to_have_attribute("data-status", "cancelled")


def test_stop_before_the_run_is_known_stops_it_too(chat: ChatPage) -> None:
    chat.field.fill(paced(500, 20))
    chat.js("() => { document.querySelector('#composer').requestSubmit(); document.querySelector('.stop').click(); }")
    expect(chat.answers.last).to_have_attribute("data-status", "cancelled")


def test_a_second_message_waits_for_the_answer(chat: ChatPage) -> None:
    chat.ask(paced(40, 20))
    chat.ask("too early")
    expect(chat.toast).to_contain_text("One answer at a time")
    expect(chat.field).to_have_value("too early")
    expect(chat.questions).to_have_count(1)
    chat.done()
    chat.field.press("Enter")
    expect(chat.questions).to_have_count(2)
    chat.done()


def test_drafts_survive_a_reload_each_in_its_conversation(chat: ChatPage) -> None:
    chat.answered("first")
    first = chat.page.url
    chat.field.fill("for the first")
    chat.page.get_by_role("button", name="New chat").click()
    expect(chat.field).to_have_value("")
    chat.field.fill("for a new one")
    chat.page.wait_for_function("() => localStorage.getItem('chat.draft.new') === 'for a new one'")
    chat.page.reload()
    expect(chat.field).to_have_value("for a new one")
    chat.page.goto(first)
    expect(chat.field).to_have_value("for the first")


def test_a_sent_message_leaves_no_draft(chat: ChatPage) -> None:
    chat.answered(script({"text": "Fine."}))
    chat.page.reload()
    expect(chat.answers).to_have_count(1)
    expect(chat.field).to_have_value("")


def test_a_suggestion_sends_itself(chat: ChatPage) -> None:
    suggestions = chat.page.locator(".suggestion")
    expect(suggestions).to_have_count(4)
    suggestions.first.click()
    expect(chat.questions.first).to_have_text("What's the weather in Tokyo and what's 15 + 27?")
    expect(suggestions.first).to_be_hidden()
    chat.done()


def test_tools_in_parallel_is_a_choice_that_is_remembered(chat: ChatPage, new_page: NewPage) -> None:
    chip = chat.page.get_by_role("button", name="Tools in parallel")
    expect(chip).to_have_attribute("aria-pressed", "true")
    chip.click()
    other = new_page(beside=chat).open()
    expect(other.page.get_by_role("button", name="Tools in parallel")).to_have_attribute("aria-pressed", "false")


def test_new_history_begins_a_new_conversation_with_the_next_message(chat: ChatPage) -> None:
    chip = chat.page.get_by_role("button", name="New history")
    expect(chip).to_be_hidden()
    chat.answered("first")
    first = chat.conversation_id
    chip.click()
    chat.answered("second")
    expect(chat.questions).to_have_text(["second"])
    assert chat.conversation_id != first
    expect(chip).to_have_attribute("aria-pressed", "false")
