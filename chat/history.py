"""Message rows to what the model reads. The result is always a history that a provider accepts."""

from collections.abc import Iterable
from typing import Any

import msgspec

from agents.messages import AssistantMessage, ModelMessage, ToolMessage, UserMessage
from agents.transcript import NOT_RUN
from chat.models import Conversation, Message, ToolCall

NO_ANSWER = AssistantMessage(content="(This message was not answered.)")


def load_history(conversation: Conversation) -> list[ModelMessage]:
    """The conversation's branch in use, with every finished answer on it; open answers end with what they have."""
    branch = conversation.branch()
    outcomes = _outcomes(branch)
    messages: list[ModelMessage] = []
    for message in branch:
        if message.role == Message.Role.USER:
            if messages and isinstance(messages[-1], UserMessage):
                messages.append(NO_ANSWER)  # some providers insist that roles alternate
            messages.append(UserMessage(message.content))
        else:
            messages.extend(answer_messages(message.turns, outcomes.get(message.pk, {})))
    return messages


def answer_messages(turns: list[Any], outcomes: dict[str, ToolCall], *, closed: bool = True) -> list[ModelMessage]:
    """One answer's turns and tool results. A closed answer has exactly one tool message per call."""
    messages: list[ModelMessage] = []
    for turn in msgspec.convert(turns, list[AssistantMessage]):
        if not turn.content and not turn.tool_calls:
            continue  # only reasoning: nothing that goes back to a model
        messages.append(turn)
        for call in turn.tool_calls:
            row = outcomes.get(call.id)
            if row is not None and row.content:
                messages.append(ToolMessage(call.id, row.content))
            elif closed:
                messages.append(ToolMessage(call.id, NOT_RUN))
    return messages


def turns_of(messages: Iterable[ModelMessage]) -> list[Any]:
    """The turns of an answer, as a row keeps them."""
    turns = msgspec.to_builtins([message for message in messages if isinstance(message, AssistantMessage)])
    return without_nul(turns)  # type: ignore[no-any-return]


def without_nul(value: Any) -> Any:
    """JSON without the one character that PostgreSQL cannot store."""
    text = msgspec.json.encode(value)
    return msgspec.json.decode(text.replace(b"\\u0000", b"")) if b"\\u0000" in text else value


def _outcomes(branch: list[Message]) -> dict[Any, dict[str, ToolCall]]:
    outcomes: dict[Any, dict[str, ToolCall]] = {}
    if any(message.turns for message in branch):
        for row in ToolCall.objects.filter(run__answer__in=branch).select_related("run"):
            outcomes.setdefault(row.run.answer_id, {})[row.call_id] = row
    return outcomes
