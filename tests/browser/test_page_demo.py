"""Without a provider the page says that a demo answers."""

from playwright.sync_api import Browser, expect

from tests.product import Product


def test_the_notice_about_the_demo_model_stays_closed_and_the_header_still_tells(
    browser: Browser, demo: Product
) -> None:
    page = browser.new_context().new_page()
    page.goto(f"http://localhost:{demo.port}/")
    notice = page.locator("#demo")
    expect(notice).to_contain_text("The demo model answers.")
    page.get_by_label("Close this notice").click()
    page.reload()
    expect(page.locator(".agent-about")).to_contain_text("demo model")
    expect(notice).to_be_hidden()
    page.context.close()
