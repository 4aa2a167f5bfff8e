"""Reasoning that a model writes into its answer, between <think> and </think>."""

import re

from agents.llm.base import ReasoningDelta, TextDelta

OPEN, CLOSE = "<think>", "</think>"
OPEN_AT_LINE_START = re.compile(rf"^[ \t]*{OPEN}", re.MULTILINE)
OPEN_AFTER_NEWLINE = re.compile(rf"(?<=\n)[ \t]*{OPEN}")


class ThinkSplitter:
    """Tells reasoning from answer, however the tags are cut.

    A tag opens reasoning only at the beginning of a line: an answer may speak of `<think>` in a sentence.
    """

    __slots__ = ("_held", "_line_start", "_thinking", "_trim")

    def __init__(self) -> None:
        self._held = ""  # the end of the text so far, where it may be the beginning of a tag
        self._thinking = False
        self._line_start = True
        self._trim = False  # the blank lines between reasoning and answer belong to neither

    def feed(self, text: str) -> list[TextDelta | ReasoningDelta]:
        if not text:
            return []
        if not self._line_start and "\n" not in text:
            return [TextDelta(text)]  # nearly every piece: inside a line of the answer no tag begins
        deltas: list[TextDelta | ReasoningDelta] = []
        text, self._held = self._held + text, ""
        while text:
            text = self._reasoning(text, deltas) if self._thinking else self._answer(text, deltas)
        return deltas

    def flush(self) -> list[TextDelta | ReasoningDelta]:
        """Return what was held back: at the end of the stream it is no tag."""
        held, self._held = self._held, ""
        if not held:
            return []
        return [ReasoningDelta(held) if self._thinking else TextDelta(held)]

    def _answer(self, text: str, deltas: list[TextDelta | ReasoningDelta]) -> str:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        rest = ""
        if "<" in text:
            tag = (OPEN_AT_LINE_START if self._line_start else OPEN_AFTER_NEWLINE).search(text)
            if tag:
                self._thinking = True
                text, rest = text[: tag.start()], text[tag.end() :]
            else:
                text = self._hold(text, OPEN)
        if text:
            self._note_line(text)
            deltas.append(TextDelta(text))
        if self._held and not self._line_start:
            deltas.append(TextDelta(self._held))
            self._held = ""
        return rest

    def _reasoning(self, text: str, deltas: list[TextDelta | ReasoningDelta]) -> str:
        text, tag, rest = text.partition(CLOSE)
        if tag:
            self._thinking, self._line_start, self._trim = False, True, True
        else:
            text = self._hold(text, CLOSE)
        if text:
            deltas.append(ReasoningDelta(text))
        return rest

    def _hold(self, text: str, tag: str) -> str:
        for size in range(min(len(tag) - 1, len(text)), 0, -1):
            if text.endswith(tag[:size]):
                self._held = text[-size:]
                return text[:-size]
        return text

    def _note_line(self, text: str) -> None:
        if not text[-1].isspace():
            self._line_start = False
            return
        newline = text.rfind("\n")
        line = text[newline + 1 :]
        self._line_start = (newline >= 0 or self._line_start) and (not line or line.isspace())
