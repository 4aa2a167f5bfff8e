"""Reasoning between <think> and </think>, told from the answer however the text is cut."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.llm.base import ReasoningDelta, TextDelta
from agents.llm.thinking import ThinkSplitter
from agents.tests.asking import reasoning, text


def split(*pieces: str) -> list[TextDelta | ReasoningDelta]:
    splitter = ThinkSplitter()
    return [delta for piece in pieces for delta in splitter.feed(piece)] + splitter.flush()


INLINE: dict[str, tuple[Sequence[str], str, str]] = {
    "in one piece": (["<think>plan</think>answer"], "plan", "answer"),
    "tags cut over chunks": (["<th", "ink>pl", "an</", "thi", "nk>", "answer"], "plan", "answer"),
    "blank lines between belong to neither": (["<think>\nplan\n</think>", "\n", "\nanswer"], "\nplan\n", "answer"),
    "after a blank": (["\n ", "<think>plan</think>", "answer"], "plan", "\n answer"),
    "twice": (["<think>a</think>b\n<think>c</think>d"], "ac", "b\nd"),
    "never closed": (["<think>plan", " more <"], "plan more <", ""),
    "in a sentence": (["The <think> tag", " and </think>"], "", "The <think> tag and </think>"),
    "in a sentence, cut": (["The <thi", "nk> tag"], "", "The <think> tag"),
    "something like a tag": (["<thin", "g>"], "", "<thing>"),
    "half a tag at the end": (["x\n<thi"], "", "x\n<thi"),
    "a tag after spaces in a line": (["x\n", "  ", "<think>", "plan</think>y"], "plan", "x\n  y"),
}


@pytest.mark.parametrize(("pieces", "thought", "answer"), INLINE.values(), ids=INLINE)
def test_inline_reasoning_is_told_from_the_answer(pieces, thought, answer):
    deltas = split(*pieces)
    assert (reasoning(deltas), text(deltas)) == (thought, answer)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text("<think/>x \n", max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_inline_reasoning_is_the_same_however_the_text_is_cut(whole, places):
    edges = [0, *sorted(min(place, len(whole)) for place in places), len(whole)]
    pieces = [whole[start:stop] for start, stop in pairwise(edges)]
    cut, uncut = split(*pieces), split(whole)
    assert (reasoning(cut), text(cut)) == (reasoning(uncut), text(uncut))
