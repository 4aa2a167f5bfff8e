"""What a run has said and done: text, limits, usage, and a history that stays valid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import ErrorCode, RunFailed
from agents.events import ChatChunk, ReasoningChunk, Usage
from agents.limits import Limits
from agents.llm.base import ReasoningDelta, TextDelta, TurnEnd
from agents.messages import AssistantMessage, SystemMessage, ToolCall, ToolMessage, UserMessage
from agents.tests.scripted_model import assert_history
from agents.transcript import NOT_RUN, Transcript

SYSTEM = SystemMessage("Be brief.")
LIMITS = Limits()
ONE, TWO = ToolCall("1", "look", '{"at": "sky"}'), ToolCall("2", "look", '{"at": "sea"}')


def opened(*messages: object) -> Transcript:
    transcript = Transcript(messages=list(messages) or [UserMessage("Go")])  # type: ignore[arg-type]
    transcript.open_turn(SYSTEM)
    return transcript


def say(transcript: Transcript, *texts: str) -> list[object]:
    return [transcript.take(TextDelta(text), LIMITS) for text in texts]


def test_text_is_told_as_it_comes_and_joins_the_history_at_the_end():
    transcript = opened()
    assert say(transcript, "Hel", "lo") == [ChatChunk(content="Hel"), ChatChunk(content="lo")]
    assert (transcript.answer, transcript.open_text) == ("Hello", "Hello")
    assert not transcript.is_answered()
    transcript.end_turn(TurnEnd(finish_reason="stop"), LIMITS)
    assert transcript.is_answered()
    assert transcript.open_text == ""
    assert transcript.messages[-1] == AssistantMessage("Hello")


def test_the_time_to_the_first_token_is_that_of_the_first_piece():
    transcript = opened()
    assert transcript.first_token_ms is None
    transcript.take(ReasoningDelta("Hm"), LIMITS)
    first = transcript.first_token_at
    say(transcript, "Hello")
    assert transcript.first_token_at == first
    assert 0 <= transcript.first_token_ms <= transcript.duration_ms


@given(
    st.lists(
        st.lists(st.one_of(st.builds(TextDelta, st.text(min_size=1)), st.builds(ReasoningDelta, st.text(min_size=1)))),
        max_size=5,
    )
)
def test_all_chunks_together_are_the_answer(turns):
    transcript = Transcript(messages=[UserMessage("Go")])
    told = []
    for turn in turns:
        transcript.open_turn(SYSTEM)
        told += [transcript.take(delta, LIMITS) for delta in turn]
        transcript.end_turn(TurnEnd(), LIMITS)
    assert "".join(event.content for event in told if isinstance(event, ChatChunk)) == transcript.answer
    texts = ["".join(delta.content for delta in turn if isinstance(delta, TextDelta)) for turn in turns]
    assert transcript.answer == "\n\n".join(text for text in texts if text)
    assert [message.content for message in transcript.messages[1:]] == texts


def test_restored_text_is_followed_by_a_paragraph():
    transcript = opened()
    transcript.restore_answer("Before.")
    assert say(transcript, "After.") == [ChatChunk(content="\n\nAfter.")]
    assert transcript.answer == "Before.\n\nAfter."
    transcript.restore_answer("")
    assert transcript.answer == ""


def test_restored_text_counts_for_the_limit():
    transcript = opened()
    transcript.restore_answer("12345")
    with pytest.raises(RunFailed) as failed:
        transcript.take(TextDelta("67890"), Limits(max_output_chars=9))
    assert failed.value.code is ErrorCode.LIMIT_EXCEEDED


def test_reasoning_is_an_event_of_its_own():
    transcript = opened()
    assert transcript.take(ReasoningDelta("Hm"), LIMITS) == ReasoningChunk(content="Hm")
    assert (transcript.answer, transcript.open_reasoning) == ("", "Hm")


def test_open_calls_are_those_of_the_last_turn_without_an_answer():
    transcript = Transcript(messages=[UserMessage("Go")])
    assert transcript.unanswered_calls() == ()
    transcript.messages.append(AssistantMessage(tool_calls=(ONE, TWO)))
    assert transcript.unanswered_calls() == (ONE, TWO)
    transcript.messages.append(ToolMessage("2", "blue"))
    assert transcript.unanswered_calls() == (ONE,)
    transcript.messages.append(ToolMessage("1", "blue"))
    assert transcript.unanswered_calls() == ()
    assert Transcript(messages=[]).unanswered_calls() == ()


def test_rounds_count_since_the_last_message_of_the_person():
    messages = [UserMessage("Hi"), AssistantMessage("Hello"), UserMessage("Go")]
    assert Transcript(messages=messages).rounds == 0
    messages += [AssistantMessage(tool_calls=(ONE,)), ToolMessage("1", "blue"), AssistantMessage("Blue.")]
    assert Transcript(messages=messages).rounds == 2
    assert Transcript(messages=[]).rounds == 0


def test_breaking_off_answers_open_calls():
    transcript = Transcript(
        messages=[UserMessage("Go"), AssistantMessage(tool_calls=(ONE, TWO)), ToolMessage("1", "x")]
    )
    transcript.break_off()
    assert transcript.messages[-1] == ToolMessage("2", NOT_RUN)
    assert_history(transcript.messages)
    before = list(transcript.messages)
    transcript.break_off()
    assert transcript.messages == before


def test_breaking_off_keeps_what_was_said():
    transcript = opened()
    say(transcript, "Half an ans")
    transcript.take(ReasoningDelta("Hm"), LIMITS)
    transcript.break_off()
    assert transcript.messages[-1] == AssistantMessage("Half an ans", reasoning="Hm")
    assert transcript.usage.estimated


def test_breaking_off_before_the_first_piece_adds_no_message():
    transcript = opened()
    transcript.break_off()
    assert transcript.messages == [UserMessage("Go")]


def test_tokens_are_estimated_from_characters_and_rounded_up():
    transcript = opened(UserMessage("12345"), AssistantMessage("123", tool_calls=(ONE,)), ToolMessage("1", "1234567"))
    say(transcript, "12345")
    transcript.end_turn(TurnEnd(tool_calls=(TWO,)), LIMITS)
    read = len("Be brief.") + 5 + 3 + len(ONE.name) + len(ONE.arguments) + 7
    said = 5 + len(TWO.name) + len(TWO.arguments)
    assert transcript.usage == Usage(input_tokens=-(-read // 4), output_tokens=-(-said // 4), estimated=True)


def test_counted_tokens_stay_counted():
    transcript = opened()
    transcript.end_turn(TurnEnd(usage=Usage(input_tokens=3, output_tokens=1)), LIMITS)
    transcript.open_turn(SYSTEM)
    transcript.end_turn(TurnEnd(usage=Usage(input_tokens=4, output_tokens=1)), LIMITS)
    assert transcript.usage == Usage(input_tokens=7, output_tokens=2, estimated=False)
    assert transcript.finish_reason == "stop"
