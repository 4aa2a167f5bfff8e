"""What events make of an answer: the page's reducer, fed directly."""

from typing import Any

import pytest

from tests.browser.chat_page import ChatPage

AT = "2026-01-01T00:00:0{}Z"
APPLY = """async (events) => {
    const { apply, newAnswer } = await import("/static/chat/store.js");
    const { journal, ...answer } = events.reduce(apply, newAnswer());
    return answer;
}"""


def event(kind: str, seq: int, **fields: Any) -> dict[str, Any]:
    return {"event_type": kind, "seq": seq, "timestamp": AT.format(seq % 10), **fields}


def chunk(seq: int, content: str, kind: str = "chat_chunk") -> dict[str, Any]:
    return event(kind, seq, content=content)


def call(seq: int, kind: str, identifier: str, status: str) -> dict[str, Any]:
    state = {"id": identifier, "name": "calculate", "arguments": {}, "status": status}
    return event(f"tool_call_{kind}", seq, tool_call=state)


def parts_of(answer: dict[str, Any]) -> list[Any]:
    return [
        [c["status"] for c in part["calls"]] if part["kind"] == "tools" else part["text"] for part in answer["parts"]
    ]


@pytest.fixture
def tell(chat: ChatPage) -> Any:
    return lambda *events: chat.js(APPLY, list(events))


def test_text_and_tools_keep_their_order(tell: Any) -> None:
    answer = tell(
        chunk(1, "a"), chunk(2, "b"),
        call(3, "start", "x", "executing"), call(4, "start", "y", "executing"),
        call(5, "complete", "y", "completed"), call(6, "error", "x", "failed"),
        call(7, "start", "z", "executing"),
        chunk(8, "c"),
    )  # fmt: skip
    assert parts_of(answer) == ["ab", ["failed", "completed"], ["executing"], "c"]


def test_an_event_that_was_seen_changes_nothing(tell: Any) -> None:
    assert parts_of(tell(chunk(1, "a"), chunk(2, "b"), chunk(1, "a"), chunk(2, "b"), chunk(3, "c"))) == ["abc"]


def test_an_unknown_event_changes_nothing(tell: Any) -> None:
    answer = tell(chunk(1, "a"), event("from_the_future", 2, content="?"), chunk(3, "b"))
    assert parts_of(answer) == ["ab"]


def test_what_a_crash_made_void_is_dropped(tell: Any) -> None:
    answer = tell(
        chunk(1, "kept "), call(2, "start", "x", "executing"), call(3, "complete", "x", "completed"),
        chunk(4, "void"), call(5, "start", "y", "executing"),
        event("run_resumed", 6, attempt=2, discard_after_seq=3),
        chunk(7, "told again"),
    )  # fmt: skip
    assert parts_of(answer) == ["kept ", ["completed"], "told again"]
    assert answer["generation"] == 1


def test_a_second_crash_knows_what_the_first_made_void(tell: Any) -> None:
    answer = tell(
        chunk(1, "a"), chunk(2, "void"),
        event("run_resumed", 3, attempt=2, discard_after_seq=1),
        chunk(4, "b"), chunk(5, "void too"),
        event("run_resumed", 6, attempt=3, discard_after_seq=4),
        chunk(7, "c"),
    )  # fmt: skip
    assert parts_of(answer) == ["abc"]


@pytest.mark.parametrize(("kind", "status"), [("chat_cancelled", "cancelled"), ("error", "failed")])
def test_an_end_ends_the_tools_that_ran(tell: Any, kind: str, status: str) -> None:
    end = event(kind, 3, error_code="model_error", error_message="No.", partial_response="a")
    answer = tell(chunk(1, "a"), call(2, "start", "x", "executing"), end)
    assert answer["status"] == status
    assert parts_of(answer) == ["a", ["cancelled"]]


def test_reasoning_ends_when_something_else_is_said(tell: Any) -> None:
    answer = tell(chunk(1, "hm", "reasoning_chunk"), chunk(2, "m", "reasoning_chunk"), chunk(5, "So."))
    thought = answer["parts"][0]
    assert thought["text"] == "hmm"
    assert thought["endedAt"] - thought["startedAt"] == 4000
