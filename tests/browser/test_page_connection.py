"""Lost connections, reloads, blocked sockets, two tabs: an answer loses nothing and tells nothing twice."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.chat_page import ChatPage, paced
from tests.browser.conftest import NewPage
from tests.browser.gate import Gate
from tests.product import Product, Products

LONG = paced(100, 40)  # four seconds
WHOLE = " ".join(f"t{number}" for number in range(100))


def assert_whole(chat: ChatPage) -> None:
    expect(chat.done().locator(".markdown")).to_have_text(WHOLE)


def test_a_reload_in_the_middle_takes_the_answer_up_again(chat: ChatPage) -> None:
    chat.ask(LONG)
    expect(chat.answers.last).to_contain_text("t20")
    chat.page.reload()
    expect(chat.stop).to_be_visible()
    assert_whole(chat)
    expect(chat.answers).to_have_count(1)
    expect(chat.send).to_be_visible()


def test_a_reload_while_a_tool_runs_shows_it_running(chat: ChatPage) -> None:
    chat.ask('[{"call": "get_weather", "arguments": {"city": "Tokyo"}}, {"finish": "tool_calls"}, {"done": true}]')
    row = chat.page.locator(".tool")
    expect(row).to_have_attribute("data-state", "run")
    chat.page.reload()
    expect(row).to_have_attribute("data-state", "run")
    chat.stop.click()
    expect(row).to_have_attribute("data-state", "off")


def test_a_cut_connection_is_told_and_taken_up_again(gate: Gate, new_page: NewPage) -> None:
    chat = new_page(gate.url).open()
    chat.ask(LONG)
    expect(chat.answers.last).to_contain_text("t10")
    gate.shut = True
    gate.cut()
    expect(chat.connection).to_have_text("reconnecting")
    expect(chat.banner).to_contain_text("Reconnecting")
    gate.shut = False
    expect(chat.connection).to_have_text("live")
    expect(chat.banner).to_be_hidden()
    assert_whole(chat)


def test_many_short_cuts_lose_and_double_nothing(gate: Gate, new_page: NewPage) -> None:
    chat = new_page(gate.url).open()
    chat.ask(LONG)
    for token in ("t10", "t30", "t50", "t70"):
        expect(chat.answers.last).to_contain_text(token)
        gate.cut()
    assert_whole(chat)


def test_a_message_cut_on_its_way_is_not_sent_twice(gate: Gate, new_page: NewPage) -> None:
    chat = new_page(gate.url).open()
    gate.hold_answers = True
    chat.ask(LONG)
    expect(chat.questions).to_have_count(1)
    chat.page.wait_for_timeout(500)
    gate.hold_answers = False
    gate.cut()
    assert_whole(chat)
    expect(chat.questions).to_have_count(1)
    expect(chat.rows.filter(has_text="paced").first).to_be_visible()


def test_without_a_server_the_message_stays_and_can_be_retried(gate: Gate, new_page: NewPage) -> None:
    chat = new_page(gate.url).open()
    gate.shut = True
    gate.cut()
    chat.ask("say:Finally.")
    retry = chat.answers.last.get_by_role("button", name="Retry")
    expect(retry).to_be_visible()
    gate.shut = False
    expect(chat.connection).to_have_text("live")
    retry.click()
    expect(chat.done()).to_contain_text("Finally.")
    expect(chat.questions).to_have_count(1)


@pytest.fixture
def http_only(product: Product) -> Iterator[Gate]:
    gate = Gate(product.port, refuse_sockets=True)
    yield gate
    gate.close()


def test_where_sockets_are_blocked_everything_goes_over_http(http_only: Gate, new_page: NewPage) -> None:
    chat = new_page(http_only.url).open()
    chat.ask(LONG)
    expect(chat.answers.last).to_contain_text("t10")
    http_only.cut()
    expect(chat.answers.last).to_contain_text("t40")
    chat.page.reload()
    assert_whole(chat)
    chat.ask(LONG)
    expect(chat.answers.last).to_contain_text("t3")
    chat.stop.click()
    expect(chat.answers.last).to_have_attribute("data-status", "cancelled")


def test_offline_is_shown(new_page: NewPage) -> None:
    chat = new_page(timezone_id="UTC").open()
    chat.page.context.set_offline(True)
    expect(chat.connection).to_have_text("offline")
    expect(chat.banner).to_contain_text("You are offline")
    chat.page.context.set_offline(False)
    expect(chat.connection).to_have_text("live")
    expect(chat.banner).to_be_hidden()


def test_an_answer_goes_on_while_another_conversation_is_open(chat: ChatPage) -> None:
    chat.ask(LONG)
    expect(chat.answers.last).to_contain_text("t5")
    running = chat.conversation_id
    chat.page.get_by_role("button", name="New chat").click()
    chat.answered("say:Meanwhile.")
    chat.page.locator(f".conversation[data-id='{running}'] a").click()
    assert_whole(chat)


def test_a_second_tab_follows_the_same_answer(chat: ChatPage, new_page: NewPage) -> None:
    chat.answered("say:First.")
    other = new_page(beside=chat).open(f"/?conversation={chat.conversation_id}")
    chat.ask(LONG)
    expect(other.answers).to_have_count(2)
    expect(other.answers.last).to_contain_text("t5")
    other.stop.click()
    expect(chat.answers.last).to_have_attribute("data-status", "cancelled")


def test_a_second_tab_hears_of_an_answer_while_it_reads_the_conversation(chat: ChatPage, new_page: NewPage) -> None:
    """What it was about to be told of the messages is older than the answer."""
    chat.answered("say:First.")
    other = new_page(beside=chat)
    asked = other.hold("**/conversations/*/messages*", most=1)
    other.open(f"/?conversation={chat.conversation_id}")
    older = asked.first().fetch()
    chat.ask(LONG)
    expect(chat.answers.last).to_contain_text("t5")
    asked.first().fulfill(response=older)
    expect(other.answers).to_have_count(2)
    assert_whole(other)


def test_a_busy_conversation_gives_the_message_back(chat: ChatPage, new_page: NewPage) -> None:
    chat.answered("say:First.")
    other = new_page(locale="en-US").open(f"/?conversation={chat.conversation_id}")
    expect(other.answers).to_have_count(1)
    chat.ask(LONG)
    expect(chat.answers.last).to_contain_text("t5")
    other.ask("at the same time")
    expect(other.field).to_have_value("at the same time")
    expect(other.questions).to_have_text(["say:First.", LONG])
    assert_whole(other)


def test_a_server_that_is_killed_and_started_again_goes_on(
    products: Products, provider_url: str, new_page: NewPage
) -> None:
    before = len(products)
    settings = {"OPENAI_BASE_URL": provider_url, "DEFAULT_MODEL": "scripted", "LEASE_SECONDS": 1, "DRAIN_SECONDS": 1}
    server = products.serve(**settings)
    chat = new_page(server.url).open()
    chat.ask(LONG)
    expect(chat.answers.last).to_contain_text("t10")
    server.kill()
    products.serve(beside=server, port=server.port, **settings)
    expect(chat.connection).to_have_text("live", timeout=20_000)
    expect(chat.done(seconds=30).locator(".markdown")).to_have_text(WHOLE)
    products.end(since=before)
