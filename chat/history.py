"""Message rows to what the model reads. The result is always a history that a provider accepts."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agents.messages import AssistantMessage, ModelMessage, ToolCall, ToolMessage, UserMessage
from agents.statements import Cursor
from agents.transcript import NOT_RUN
from chat.models import Message

NO_ANSWER = AssistantMessage(content="(This message was not answered.)")


class StoredTurn(msgspec.Struct, tag="assistant", tag_field="role"):
    """A turn as a row keeps it: without its text, where that is the text of the whole answer, which is beside it."""

    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""


decode_turns = msgspec.json.Decoder(list[StoredTurn]).decode  # as the column holds them


def load_history(cursor: Cursor, conversation_id: uuid.UUID, head_id: uuid.UUID | None) -> list[ModelMessage]:
    """The conversation's branch that ends with `head`, with every finished answer on it.

    Open answers end with what they have.
    """
    messages: list[ModelMessage] = []
    calls: dict[Any, dict[str, str]] | None = None
    for key, role, content, stored in _branch(cursor, conversation_id, head_id):
        if role == Message.Role.USER:
            if messages and isinstance(messages[-1], UserMessage):
                messages.append(NO_ANSWER)  # some providers insist that roles alternate
            messages.append(UserMessage(content))
            continue
        turns = _whole(decode_turns(stored), content)
        if calls is None and any(turn.tool_calls for turn in turns):
            calls = _outcomes(cursor, conversation_id)
        messages.extend(answer_messages(turns, (calls or {}).get(key, {})))
    return messages


def answer_messages(
    turns: Iterable[AssistantMessage], outcomes: Mapping[str, str], *, closed: bool = True
) -> list[ModelMessage]:
    """One answer's turns and tool results. A closed answer has exactly one tool message per call.

    `outcomes` is what the model reads of the calls that have ended, by the calls' ids.
    """
    messages: list[ModelMessage] = []
    for turn in turns:
        if not turn.content and not turn.tool_calls:
            continue  # only reasoning: nothing that goes back to a model
        messages.append(turn)
        for call in turn.tool_calls:
            if outcomes.get(call.id):
                messages.append(ToolMessage(call.id, outcomes[call.id]))
            elif closed:
                messages.append(ToolMessage(call.id, NOT_RUN))
    return messages


def turns_of(messages: Iterable[ModelMessage], content: str) -> list[Any]:
    """The turns of an answer, as a row keeps them beside its `content`: see StoredTurn."""
    told = msgspec.to_builtins([message for message in messages if isinstance(message, AssistantMessage)])
    turns: list[Any] = without_nul(told)
    for turn in turns:
        if turn["content"] == content:
            del turn["content"]
    return turns


def answer_turns(answer: Message) -> list[AssistantMessage]:
    """The turns of an answer, from its row."""
    return _whole(msgspec.convert(answer.turns, list[StoredTurn]), answer.content)


def _whole(turns: list[StoredTurn], content: str) -> list[AssistantMessage]:
    return [
        AssistantMessage(content if turn.content is None else turn.content, turn.tool_calls, turn.reasoning)
        for turn in turns
    ]


def without_nul(value: Any) -> Any:
    """JSON without the one character that PostgreSQL cannot store."""
    text = msgspec.json.encode(value)
    return msgspec.json.decode(text.replace(b"\\u0000", b"")) if b"\\u0000" in text else value


def _branch(cursor: Cursor, conversation_id: uuid.UUID, head_id: uuid.UUID | None) -> list[tuple[Any, str, str, str]]:
    """Key, role, content and turns of the messages from the first to `head`, in order.

    Plain rows: a long conversation is read at each of its messages, and models would cost more than all the rest.
    """
    stored = cursor.rows(
        "SELECT id, parent_id, role, content, turns FROM chat_message WHERE conversation_id = %s",
        [cursor.key(conversation_id)],
    )
    rows = {row[0]: row for row in stored}
    branch = []
    at = head_id and cursor.key(head_id)
    while at in rows:
        key, at, *told = rows.pop(at)
        branch.append((key, *told))
    return branch[::-1]


def _outcomes(cursor: Cursor, conversation_id: uuid.UUID) -> dict[Any, dict[str, str]]:
    """What the model reads of each ended call, by the key of its answer's row and the call's id."""
    outcomes: dict[Any, dict[str, str]] = {}
    stored = cursor.rows(
        "SELECT run.answer_id, call.call_id, call.content FROM chat_toolcall call"
        " JOIN chat_run run ON run.id = call.run_id WHERE run.conversation_id = %s",
        [cursor.key(conversation_id)],
    )
    for answer, call_id, content in stored:
        outcomes.setdefault(answer, {})[call_id] = content
    return outcomes
