"""What the model is told of a conversation: a history that every provider accepts."""

import pytest

from agents.messages import AssistantMessage, ToolMessage, UserMessage
from agents.messages import ToolCall as MessageCall
from agents.statements import Cursor
from agents.transcript import NOT_RUN
from chat.history import NO_ANSWER, answer_turns, load_history, turns_of, without_nul
from chat.models import Message, Run, ToolCall
from chat.tests.rows import make_conversation, make_run, make_user

pytestmark = pytest.mark.django_db
CALL = {"id": "c0", "name": "calculate", "arguments": "{}"}


@pytest.fixture
def conversation():
    return make_conversation(make_user())


def history_of(conversation) -> list:
    return load_history(Cursor(), conversation.pk, conversation.head_id)


def answered(conversation, question: str, *turns: dict) -> Run:
    return make_run(conversation, question=question, turns=turns, status=Run.Status.COMPLETED)


def test_an_empty_conversation_has_no_history(conversation):
    assert history_of(conversation) == []


def test_questions_and_answers_alternate(conversation):
    answered(conversation, "One?", {"role": "assistant", "content": "One."})
    answered(conversation, "Two?", {"role": "assistant", "content": "Two."})
    assert history_of(conversation) == [
        UserMessage("One?"),
        AssistantMessage("One."),
        UserMessage("Two?"),
        AssistantMessage("Two."),
    ]


def test_a_question_that_was_never_answered_is_followed_by_a_note(conversation):
    answered(conversation, "One?")
    answered(conversation, "Two?", {"role": "assistant", "content": "Two."})
    assert history_of(conversation) == [UserMessage("One?"), NO_ANSWER, UserMessage("Two?"), AssistantMessage("Two.")]


def test_each_call_has_exactly_one_result(conversation):
    other = CALL | {"id": "c1"}
    run = answered(
        conversation,
        "Sum?",
        {"role": "assistant", "content": "", "tool_calls": [CALL, other]},
        {"role": "assistant", "content": "42."},
    )
    ToolCall.objects.create(run=run, call_id="c0", name="calculate", content="42")
    _, turn, *results, last = history_of(conversation)
    assert [call.id for call in turn.tool_calls] == ["c0", "c1"]
    assert results == [ToolMessage("c0", "42"), ToolMessage("c1", NOT_RUN)]
    assert last == AssistantMessage("42.")


def test_a_turn_that_was_only_reasoning_is_not_sent_back(conversation):
    answered(conversation, "One?", {"role": "assistant", "content": "", "reasoning": "Hm."})
    assert history_of(conversation) == [UserMessage("One?")]


def test_only_the_branch_in_use_is_told(conversation):
    first = answered(conversation, "One?", {"role": "assistant", "content": "One."})
    answered(conversation, "Two?", {"role": "assistant", "content": "Two."})
    conversation.head = first.answer
    conversation.save()
    assert history_of(conversation) == [UserMessage("One?"), AssistantMessage("One.")]


def test_a_conversation_whose_messages_point_in_a_circle_ends(conversation):
    run = answered(conversation, "One?", {"role": "assistant", "content": "One."})
    Message.objects.filter(pk=run.question_id).update(parent=run.answer)
    assert len(history_of(conversation)) == 2


def test_what_a_database_cannot_hold_is_left_out():
    assert without_nul({"a\x00b": ["x\x00", 1, None]}) == {"ab": ["x", 1, None]}
    value = {"plain": "text"}
    assert without_nul(value) is value
    assert turns_of([UserMessage("x"), AssistantMessage("a\x00b")], "")[0]["content"] == "ab"


@pytest.mark.parametrize(
    ("turns", "kept"),
    [
        ([AssistantMessage("One.")], [None]),
        ([AssistantMessage("O\x00ne.", reasoning="Hm.")], [None]),
        ([AssistantMessage("", (MessageCall("c0", "f"),)), AssistantMessage("One.")], ["", None]),
        ([AssistantMessage("One", (MessageCall("c0", "f"),)), AssistantMessage("Two")], ["One", "Two"]),
        ([AssistantMessage("", reasoning="Hm.")], [None]),
        ([AssistantMessage("", (MessageCall("c0", "f"),)), AssistantMessage("")], [None, None]),
    ],
    ids=["plain", "with reasoning", "after a call", "two texts", "only reasoning", "no text"],
)
def test_the_text_of_an_answer_is_stored_once_and_read_as_it_was(conversation, turns, kept):
    content = "\n\n".join(turn.content.replace("\x00", "") for turn in turns if turn.content)
    stored = turns_of(turns, content)
    assert [turn.get("content") for turn in stored] == kept
    run = make_run(conversation, question="?", content=content, turns=stored, status=Run.Status.COMPLETED)
    whole = [AssistantMessage(turn.content.replace("\x00", ""), turn.tool_calls, turn.reasoning) for turn in turns]
    assert answer_turns(run.answer) == whole
    told = [message for message in history_of(conversation) if isinstance(message, AssistantMessage)]
    assert told == [turn for turn in whole if turn.content or turn.tool_calls]
