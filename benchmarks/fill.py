"""Fill DATABASE_URL with what would take long to say: `python -m benchmarks.fill events 1000000` and the like.

`events COUNT` stores runs of 1,000 events, `run COUNT` one finished run of so many, as it is some time after its end
(packed), and prints its id, `history COUNT CONVERSATIONS` conversations with so many messages each, and prints their
ids. All belong to the user `local`.
"""

import sys
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import django

django.setup()  # the models can be imported from here on

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from agents.events import ChatChunk, ChatComplete  # noqa: E402
from agents.statements import db_key  # noqa: E402
from chat.journal.live_run import Entry  # noqa: E402
from chat.models import Conversation, Message, Run  # noqa: E402
from chat.packing import pack_run  # noqa: E402
from chat.tests.rows import make_conversation, make_run  # noqa: E402

EVENTS_PER_RUN = 1000
FIRST = datetime(2026, 1, 1)  # noqa: DTZ001 - told with its zone, Z


def owner() -> Any:
    return get_user_model().objects.get_or_create(username="local")[0]


def finished_run(events: int) -> Any:
    """A run that has ended, with so many events."""
    content, told = answer(events)
    run = make_run(make_conversation(owner()), content=content, status=Run.Status.COMPLETED)
    key = db_key(run.pk)
    rows = [(key, *row) for row in told]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO chat_runevent (run_id, seq, event_type, body) VALUES (%s, %s, %s, %s)", rows)
    return run


@cache
def answer(events: int) -> tuple[str, list[tuple[int, str, str]]]:
    """A text, and the number, type and body of each event that tells it."""
    content = "".join(f"word{seq} " for seq in range(1, events))
    told = [Entry.of(ChatChunk(content=f"word{seq} "), seq, time_of(seq)) for seq in range(1, events)]
    told.append(Entry.of(ChatComplete(final_response=content, total_tool_calls=0), events, time_of(events)))
    return content, [(entry.seq, entry.event_type, entry.body.decode()) for entry in told]


def time_of(seq: int) -> str:
    """Of an event in a run that says something each 20 ms, more or less."""
    moment = FIRST + timedelta(milliseconds=20 * seq + seq * seq % 7)
    return moment.isoformat(timespec="milliseconds") + "Z"


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
            run = finished_run(count)
            list(pack_run(run.pk))
            print(run.pk)
        else:
            print(" ".join(str(history(count).pk) for _ in range(times)))
    if connection.vendor == "postgresql":
        connection.cursor().execute("ANALYZE")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
