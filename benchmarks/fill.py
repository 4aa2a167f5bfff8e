"""Fill DATABASE_URL with what would take long to say: `python -m benchmarks.fill events 1000000` and the like.

`events COUNT` stores runs of 1,000 events, `run COUNT` one finished run of so many and prints its id, `history COUNT
CONVERSATIONS` conversations with so many messages each, and prints their ids. All belong to the user `local`.
"""

import sys
from typing import Any

import django

django.setup()  # the models can be imported from here on

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from agents.statements import Cursor, db_key  # noqa: E402
from chat.journal.rows import insert_rows  # noqa: E402
from chat.models import Conversation, Message, Run  # noqa: E402
from chat.tests.rows import make_conversation, make_run  # noqa: E402

EVENTS_PER_RUN = 1000
ROWS = 10_000  # rows a statement's batch


def owner() -> Any:
    return get_user_model().objects.get_or_create(username="local")[0]


def finished_run(events: int) -> Any:
    """A run that has ended, with so many events."""
    run = make_run(make_conversation(owner()), content="word " * events, status=Run.Status.COMPLETED)
    body = '{"event_type":"chat_chunk","content":"word ","seq":%d,"timestamp":"2026-01-01T00:00:00.000Z"}'
    last = '{"event_type":"chat_complete","final_response":"","total_tool_calls":0,"seq":%d}'
    key = db_key(run.pk)
    insert([(key, seq, "chat_chunk", body % seq) for seq in range(1, events)])
    insert([(key, events, "chat_complete", last % events)])
    return run


def insert(rows: list[tuple[Any, int, str, str]]) -> None:
    for start in range(0, len(rows), ROWS):
        insert_rows(Cursor(), rows[start : start + ROWS])


def history(messages: int) -> Any:
    """A conversation with so many messages, a question and an answer each."""
    conversation = make_conversation(owner())
    made: list[Message] = []
    for number in range(messages):
        role = (Message.Role.USER, Message.Role.ASSISTANT)[number % 2]
        before = made[-1] if made else None
        made.append(Message(conversation=conversation, parent=before, role=role, content=f"message {number} " * 8))
    Message.objects.bulk_create(made)
    Conversation.objects.filter(pk=conversation.pk).update(head=made[-1] if made else None)
    return conversation


def main(what: str, count: int, times: int) -> None:
    with transaction.atomic():
        if what == "events":
            for _ in range(count // EVENTS_PER_RUN):
                finished_run(EVENTS_PER_RUN)
        elif what == "run":
            print(finished_run(count).pk)
        else:
            print(" ".join(str(history(count).pk) for _ in range(times)))
    if connection.vendor == "postgresql":
        connection.cursor().execute("ANALYZE")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
