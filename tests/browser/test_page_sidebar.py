"""The list of conversations, and the choice of an agent."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat_page import ChatPage, request
from tests.browser.conftest import NewPage
from tests.processes import wait_until
from tests.product import Product


def named(chat: ChatPage, title: str) -> Locator:
    return chat.rows.filter(has_text=title)


def act(chat: ChatPage, title: str, action: str) -> None:
    row = named(chat, title)
    row.hover()
    row.get_by_role("button").click()
    chat.page.get_by_role("menuitem", name=action).click()


def test_the_first_message_gives_a_title(chat: ChatPage) -> None:
    chat.answered("say:Fine. (about otters)")
    expect(chat.rows.first).to_contain_text("say:Fine. (about otters)")
    expect(chat.rows.first.locator("a")).to_have_attribute("aria-current", "page")
    expect(chat.page.locator("#conversations h2").first).to_have_text("Today")
    expect(chat.page).to_have_title("say:Fine. (about otters) · Streaming Chat")


def test_a_running_conversation_is_marked(chat: ChatPage) -> None:
    chat.ask("paced:60:30")
    expect(chat.rows.first.locator(".running-dot")).to_be_visible()
    chat.done()
    expect(chat.rows.first.locator(".running-dot")).to_have_count(0)


def test_search_looks_into_titles_and_messages(chat: ChatPage) -> None:
    chat.answered("say:The word is quokka.")
    chat.page.get_by_role("button", name="New chat").click()
    chat.answered("say:Nothing of that kind.")
    search = chat.page.get_by_role("searchbox")
    search.fill("quokka")
    expect(chat.rows).to_have_count(1)
    expect(chat.rows.locator("mark")).to_have_text("quokka")
    search.fill("no such words at all")
    expect(chat.page.get_by_text("Nothing found.")).to_be_visible()
    search.press("Escape")
    expect(search).to_have_value("")
    expect(named(chat, "Nothing of that kind").first).to_be_visible()


def test_renaming_happens_in_place(chat: ChatPage) -> None:
    chat.answered("say:To be renamed.")
    act(chat, "To be renamed", "Rename")
    field = chat.page.get_by_role("textbox", name="Title")
    expect(field).to_be_focused()
    field.fill("A better <b>title</b>")
    field.press("Enter")
    expect(named(chat, "A better <b>title</b>")).to_be_visible()
    expect(chat.page).to_have_title("A better <b>title</b> · Streaming Chat")
    chat.page.reload()
    expect(named(chat, "A better <b>title</b>")).to_be_visible()
    act(chat, "A better", "Rename")
    field.fill("Changed my mind")
    field.press("Escape")
    expect(named(chat, "A better <b>title</b>")).to_be_visible()


def test_deleting_can_be_undone(chat: ChatPage) -> None:
    chat.answered("say:Not gone yet.")
    identifier = chat.conversation_id
    act(chat, "Not gone yet", "Delete")
    expect(named(chat, "Not gone yet")).to_have_count(0)
    expect(chat.answers).to_have_count(0)
    chat.toast.get_by_role("button", name="Undo").click()
    expect(named(chat, "Not gone yet")).to_be_visible()
    chat.page.reload()
    expect(chat.page.locator(f".conversation[data-id='{identifier}']")).to_be_visible()


def test_deleting_happens_when_the_page_is_left_too(chat: ChatPage, product: Product) -> None:
    chat.answered("say:Gone soon.")
    identifier = chat.conversation_id
    act(chat, "Gone soon", "Delete")
    expect(chat.toast).to_be_visible()
    chat.page.goto("about:blank")

    def stored() -> list[str]:
        return [row["id"] for row in request(f"{product.url}/conversations?search=Gone+soon")["results"]]

    wait_until(lambda: identifier not in stored(), seconds=10, otherwise=lambda: "it is still there")


def test_the_list_goes_on_as_one_scrolls(chat: ChatPage, product: Product) -> None:
    for number in range(45):
        request(f"{product.url}/chat", "POST", {"message": f"say:numbat {number}", "reset_history": True})
    search = chat.page.get_by_role("searchbox")
    search.fill("numbat")
    expect(named(chat, "numbat 44")).to_be_visible()
    assert chat.rows.count() < 45
    named(chat, "numbat 10").scroll_into_view_if_needed()
    expect(chat.rows).to_have_count(45)


def test_a_conversation_opens_by_link_by_click_and_by_the_way_back(chat: ChatPage) -> None:
    chat.answered("say:The first of two.")
    chat.page.get_by_role("button", name="New chat").click()
    expect(chat.page).to_have_url(chat.url + "/")
    chat.answered("say:The second of two.")
    named(chat, "The first of two").locator("a").click()
    expect(chat.questions).to_have_text(["say:The first of two."])
    chat.page.go_back()
    expect(chat.questions).to_have_text(["say:The second of two."])


def test_an_unknown_conversation_is_explained(chat: ChatPage) -> None:
    chat.page.goto(f"{chat.url}/?conversation=01a20549-8e68-75ce-95f3-b647333cb771")
    expect(chat.toast).to_contain_text("does not exist")
    expect(chat.page).to_have_url(chat.url + "/")
    chat.answered("say:A new one.")


def test_another_tab_gets_the_new_title(chat: ChatPage, new_page: NewPage) -> None:
    other = new_page(beside=chat).open()
    chat.answered("say:Seen in both tabs.")
    expect(named(other, "Seen in both tabs")).to_be_visible()


@pytest.fixture
def agents(product: Product) -> Iterator[None]:
    request(
        f"{product.url}/agents/poet",
        "POST",
        {"name": "Poet", "description": "Answers in verse.", "model": "say:In verse."},
    )
    request(f"{product.url}/agents/retired", "POST", {"name": "Retired"})
    request(f"{product.url}/agents/retired", "PATCH", {"is_active": False})
    yield
    for name in ("poet", "retired"):
        request(f"{product.url}/agents/{name}", "DELETE")


@pytest.mark.usefixtures("agents")
def test_an_agent_is_picked_and_remembered(new_page: NewPage) -> None:
    chat = new_page().open()
    picker = chat.page.locator("#agent")
    picker.click()
    options = chat.page.get_by_role("option")
    poet = options.filter(has_text="Poet")
    expect(poet).to_contain_text("Answers in verse.")
    expect(options.filter(has_text="Retired")).to_contain_text("Switched off")
    expect(options.filter(has_text="Retired")).to_have_attribute("aria-disabled", "true")
    poet.click()
    expect(picker).to_contain_text("Poet")
    expect(chat.field).to_have_attribute("placeholder", "Message Poet…")
    expect(chat.answered("Hello")).to_contain_text("In verse.")
    expect(chat.answers.last.locator(".answer-name")).to_have_text("Poet")
    chat.open("/")
    expect(picker).to_contain_text("Poet")


@pytest.mark.usefixtures("agents")
def test_agents_that_share_a_name_are_told_apart(new_page: NewPage, product: Product) -> None:
    request(f"{product.url}/agents/second", "POST", {"name": "Poet"})
    chat = new_page().open()
    chat.page.locator("#agent").click()
    options = chat.page.get_by_role("option")
    expect(options.filter(has_text="poet · ")).to_have_count(1)
    expect(options.filter(has_text="second · ")).to_have_count(1)
    expect(options.filter(has_text="default · ")).to_have_count(0)
    request(f"{product.url}/agents/second", "DELETE")


@pytest.mark.usefixtures("agents")
def test_an_address_can_name_the_agent(new_page: NewPage) -> None:
    chat = new_page().open("/?agent=poet")
    expect(chat.page.locator("#agent")).to_contain_text("Poet")
    expect(chat.answered("Hello")).to_contain_text("In verse.")


@pytest.mark.usefixtures("agents")
def test_the_picker_works_by_keyboard(new_page: NewPage) -> None:
    chat = new_page().open()
    picker = chat.page.locator("#agent")
    picker.focus()
    picker.press("Enter")
    expect(chat.page.get_by_role("option", selected=True)).to_be_focused()
    chat.page.keyboard.press("Escape")
    expect(picker).to_be_focused()
    expect(picker).to_have_attribute("aria-expanded", "false")
    picker.press("Enter")
    chat.page.get_by_role("option").filter(has_text="Poet").press("Enter")
    expect(picker).to_contain_text("Poet")
