"""What our server has stored of a load: every answer, equal to the text of its events."""

import sqlite3
from contextlib import closing

RUNS = "FROM chat_run WHERE status = 'completed'"
WHOLE = (
    "AND (SELECT content FROM chat_message WHERE id = chat_run.answer_id) = (SELECT group_concat(text, '') FROM"
    " (SELECT json_extract(body, '$.content') AS text FROM chat_runevent"
    " WHERE run_id = chat_run.id AND event_type = 'chat_chunk' ORDER BY seq))"
)


def check_stored(database: str, answers: int) -> None:
    """Raises AssertionError when the SQLite database at that URL lacks one of the answers, or some of its text."""
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
        (stored,) = connection.execute(f"SELECT count(*) {RUNS}").fetchone()
        (whole,) = connection.execute(f"SELECT count(*) {RUNS} {WHOLE}").fetchone()
    assert stored >= answers, f"our server has stored {stored} of {answers} answers"
    assert whole == stored, f"of {stored} answers {stored - whole} are not the text of their events"
