"""The checker finds what it is there for: good histories pass, each bad one is named."""

import json
from typing import Any

import pytest

from tests.faults.checker import History, Reading, Received, broken, unfinished

Body = dict[str, Any]


def chunk(content: str) -> Body:
    return {"event_type": "chat_chunk", "content": content}


def call(kind: str, identifier: str = "c0") -> Body:
    return {"event_type": kind, "tool_call": {"id": identifier}}


def complete(text: str) -> Body:
    return {"event_type": "chat_complete", "final_response": text}


STARTED: Body = {"event_type": "run_started"}
ERROR: Body = {"event_type": "error"}
CUT: Body = {"event_type": "run_resumed", "discard_after_seq": 1}


def journal(*events: Body) -> list[bytes]:
    return [json.dumps({"seq": seq, **event}).encode() for seq, event in enumerate(events, 1)]


GOOD = journal(STARTED, chunk("a"), chunk("b"), complete("ab"))


def reading(*seqs: int, of: list[bytes] = GOOD, after: int = 0) -> Reading:
    return Reading("reader", after, [Received(seq, of[seq - 1]) for seq in seqs])


def test_a_run_that_went_well_breaks_nothing():
    tooled = journal(STARTED, call("tool_call_start"), call("tool_call_complete"), chunk("x"), complete("x"))
    assert broken(History(GOOD, [reading(1, 2, 3, 4), reading(3, 4, after=2), reading(1)])) == []
    assert broken(History(tooled)) == []


def test_text_after_a_discard_is_told_again():
    assert broken(History(journal(STARTED, chunk("half"), CUT, chunk("whole"), complete("whole")))) == []


def test_a_failed_or_cancelled_run_may_leave_calls_open():
    cancelled: Body = {"event_type": "chat_cancelled", "partial_response": ""}
    assert broken(History(journal(STARTED, call("tool_call_start"), cancelled))) == []
    assert broken(History(journal(STARTED, call("tool_call_start"), ERROR))) == []


@pytest.mark.parametrize(
    ("events", "what"),
    [
        ([STARTED, {"event_type": "chat_chunk", "content": "", "seq": 3}, ERROR], "holds seq 3 at place 2"),
        ([STARTED, chunk("a")], "no terminal event"),
        ([STARTED, ERROR, ERROR], "2 terminal events"),
        ([STARTED, complete(""), {"event_type": "model_retry"}], "1 events follow the terminal one"),
        ([STARTED, chunk("a"), complete("ab")], "the last event says 'ab'"),
        ([STARTED, chunk("a"), CUT, chunk("b"), complete("ab")], "the chunks add up to 'b'"),
        ([STARTED, call("tool_call_complete"), ERROR], "a result without its intent"),
        ([STARTED, call("tool_call_start"), call("tool_call_start"), ERROR], "was started twice"),
        ([STARTED, call("tool_call_start"), *[call("tool_call_error")] * 2, ERROR], "has two results"),
        ([STARTED, call("tool_call_start"), complete("")], "completed without results of ['c0']"),
    ],
)
def test_a_bad_journal_is_named(events: list[Body], what: str):
    assert what in " and ".join(broken(History(journal(*events))))


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (reading(1, 3), "seq 2 to 2 never came"),
        (reading(3, 4, after=1), "seq 2 to 2 never came"),
        (reading(1, 2, 2), "seq 2 came after seq 2"),
        (reading(2, 1, after=1), "seq 1 came after seq 2"),
        (Reading("reader", 4, [Received(5, b"{}")]), "seq 5 is not in the journal"),
        (Reading("reader", 0, [Received(1, GOOD[0] + b" ")]), "seq 1 has other bytes"),
    ],
)
def test_a_bad_reading_is_named_with_its_reader(bad: Reading, what: str):
    assert broken(History(GOOD, [bad])) == [
        f"reader: {what}" if "bytes" not in what else f"reader: {what} than in the journal"
    ]


def test_a_reader_that_never_saw_the_end_is_named():
    assert unfinished([reading(1, 2, 3, 4), reading(1, 2)]) == ["reader: stopped at seq 2"]


ASKS: Body = {"role": "assistant", "tool_calls": [{"id": "c0"}, {"id": "c1"}]}


def result(identifier: str) -> Body:
    return {"role": "tool", "tool_call_id": identifier}


@pytest.mark.parametrize(
    ("messages", "what"),
    [
        ([ASKS, result("c1"), result("c0"), {"role": "user"}], []),
        ([ASKS, result("c0"), {"role": "user"}], ["the provider was sent calls without results: ['c1']"]),
        ([ASKS], ["the provider was sent calls without results: ['c0', 'c1']"]),
        ([{"role": "user"}, result("c0")], ["the provider was sent a result of 'c0' that nobody awaits"]),
        ([ASKS, *map(result, ("c0", "c0", "c1"))], ["the provider was sent a result of 'c0' that nobody awaits"]),
    ],
)
def test_a_history_that_a_strict_provider_rejects_is_named(messages: list[Body], what: list[str]):
    assert broken(History(GOOD, requests=[{"messages": messages}])) == what
