"""A page from elsewhere, open in the same browser, gets nothing: on an open machine, and from somebody signed in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.elsewhere import ATTACKS, FORM, Elsewhere
from tests.product import Product, Products, run
from tests.wire.signing_in import PASSWORD

MAKE_VISITOR = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("visitor", password={PASSWORD!r})
"""
ORIGINS = ("evil.example", "localhost")  # another site; and the same one, whose pages are sent the cookies
REQUESTS = 7  # of the attacks, those which the browser certainly sends
UNSAFE = ("/chat", "/chat/stream", "/agents/attack", "/runs/{run}/cancel", "/ws/ticket", "/accounts/logout/")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as site:
        yield site


@pytest.fixture(scope="module")
def closed(products: Products, provider_url: str) -> Iterator[Product]:
    """A server without open access."""
    before = len(products)
    server = products.serve(OPENAI_BASE_URL=provider_url, DEFAULT_MODEL="scripted", OPEN_ACCESS=0)
    run(server.environment, "manage.py", "shell", "--verbosity", "0", "-c", MAKE_VISITOR)
    yield server
    products.end(since=before)


@dataclass
class Target:
    """A product that the browser may use, and a run of its user."""

    url: str
    context: BrowserContext
    own: Page
    run_id: str

    def state(self) -> object:
        """What an attack must not change: conversations and agents."""
        read = "Promise.all(['/conversations', '/agents', '/'].map(path => fetch(path).then(r => r.text())))"
        conversations, agents, page = self.own.evaluate(read)
        return conversations, agents, "composer" in page


@pytest.fixture(params=["an open machine", "somebody signed in"])
def target(request: pytest.FixtureRequest, browser: Browser, product: Product, closed: Product) -> Iterator[Target]:
    context = browser.new_context()
    own = context.new_page()
    server = product if request.param == "an open machine" else closed
    url = f"http://localhost:{server.port}"
    own.goto(url)
    if server is closed:
        own.fill("[name=username]", "visitor")
        own.fill("[name=password]", PASSWORD)
        own.click("button")
        own.wait_for_url(f"{url}/")
    told = own.evaluate(
        """() => fetch('/chat', {method: 'POST', body: '{"message": "say:private"}', headers: {
        'Content-Type': 'application/json', 'X-CSRFToken': document.cookie.match(/csrftoken=(\\w+)/)[1]}})
        .then(r => r.json())"""
    )
    yield Target(url, context, own, told["run_id"])
    context.close()


def statuses(context: BrowserContext, page: Page) -> list[str]:
    """What the server answers, as the network has it: also what the browser then keeps from the page."""
    told: list[str] = []
    asked: dict[str, str] = {}
    network = context.new_cdp_session(page)
    network.on("Network.requestWillBeSent", lambda sent: asked.update({sent["requestId"]: _line(sent["request"])}))
    network.on(
        "Network.responseReceivedExtraInfo",
        lambda answer: told.append(f"{answer['statusCode']} {asked.get(answer['requestId'], '')}"),
    )
    network.send("Network.enable")
    return told


def _line(sent: Mapping[str, Any]) -> str:
    return f"{sent['method']} {sent['url']}"


@pytest.mark.parametrize("host", ORIGINS)
def test_a_page_of_another_origin_gets_nothing_and_changes_nothing(target: Target, elsewhere: Elsewhere, host: str):
    before = target.state()
    page = target.context.new_page()
    answered = statuses(target.context, page)
    for name, attack in ATTACKS.items():
        page.goto(f"http://{host}:{elsewhere.port}/")
        argument = [target.url, target.run_id] if attack.startswith("([") else target.url
        assert page.evaluate(attack, argument) is None, name
    public = ("/static/", "/accounts/login/")  # what anybody is shown: a frame of the page asks to sign in
    asked = [line for line in answered if f" {target.url}/" in line and not any(path in line for path in public)]
    assert {line.partition(" ")[0] for line in asked if "OPTIONS" not in line} <= {"401", "403", "302"}, asked
    assert len(asked) >= REQUESTS, asked
    assert target.state() == before


@pytest.mark.parametrize("host", ORIGINS)
def test_a_form_of_another_origin_is_refused(target: Target, elsewhere: Elsewhere, host: str):
    before = target.state()
    for path in UNSAFE:
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            page = target.context.new_page()
            page.goto(f"http://{host}:{elsewhere.port}/")
            place = path.format(run=target.run_id)
            with page.expect_response(lambda answer, place=place: answer.url == target.url + place) as told:
                page.evaluate(FORM, [target.url, place, kind])
            assert told.value.status in {401, 403, 415}, (path, kind)
            page.close()
    assert target.state() == before


@pytest.mark.parametrize("opener", ["sandboxed frame", "data"])
def test_a_page_of_no_origin_gets_nothing(target: Target, elsewhere: Elsewhere, opener: str):
    before = target.state()
    page = target.context.new_page()
    page.goto(f"http://localhost:{elsewhere.port}/")
    attacks = "".join(f"Promise.resolve(({ATTACKS[name]})('{target.url}')).then(tell);" for name in (
        "fetch with cookies, to read", "fetch past CORS, to ask", "socket"))  # fmt: skip
    html = f"<script>const tell = got => parent.postMessage([got], '*'); {attacks}</script>"
    put = """([html, opener]) => new Promise(done => {
        const told = []
        window.onmessage = event => { told.push(event.data[0]); if (told.length === 3) done(told) }
        const frame = document.createElement('iframe')
        if (opener === 'data') frame.src = 'data:text/html,' + encodeURIComponent(html)
        else { frame.sandbox = 'allow-scripts'; frame.srcdoc = html }
        document.body.append(frame) })"""
    assert page.evaluate(put, [html, opener]) == [None, None, None]
    assert target.state() == before


def test_a_name_that_was_bound_to_this_machine_later_is_none_of_its_names(target: Target):
    before = target.state()
    page = target.context.new_page()
    page.goto(target.url.replace("localhost", "rebound.example") + "/health/live")
    for path, options in (
        ("/conversations", "{}"),
        (
            "/chat",
            """{method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{"message": "say:attack"}'}""",
        ),
    ):
        assert page.evaluate(f"fetch('{path}', {options}).then(r => r.status)") == 400
    assert page.evaluate(ATTACKS["socket"], page.evaluate("location.origin")) is None
    assert target.state() == before


def test_a_page_that_opens_ours_holds_no_handle_of_it(target: Target, elsewhere: Elsewhere):
    page = target.context.new_page()
    page.goto(f"http://evil.example:{elsewhere.port}/")
    with target.context.expect_page() as opened:
        page.evaluate("url => { window.theirs = window.open(url) }", target.url)
    opened.value.wait_for_load_state()
    assert page.evaluate("theirs.closed") is True
    assert opened.value.evaluate("window.opener") is None


def test_a_link_from_elsewhere_still_leads_to_the_page(target: Target, elsewhere: Elsewhere):
    page = target.context.new_page()
    page.goto(f"http://evil.example:{elsewhere.port}/")
    page.evaluate("url => { location.href = url }", f"{target.url}/")
    page.wait_for_url(f"{target.url}/")
    assert page.locator("textarea").count() == 1
