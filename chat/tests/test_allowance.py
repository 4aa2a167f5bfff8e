"""How many messages a caller may still send, where several ask at once."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.db.models import F

from agents.statements import Cursor
from chat.models import Allowance
from chat.models.allowance import MICROSECONDS, Left
from chat.tests.rows import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def take(caller_id: int) -> tuple[bool, Left]:
    with transaction.atomic():
        return Allowance.take(Cursor(), caller_id)


def test_whoever_waited_for_a_callers_row_is_counted_after_those_before(settings):
    settings.RATE_LIMIT_MESSAGES = (2, 60)
    alice = make_user()
    take(alice.pk)
    Allowance.objects.update(full_at=F("full_at") - 3600 * MICROSECONDS)
    began = threading.Event()
    answers: list[tuple[bool, Left]] = []

    def wait_and_take() -> None:
        try:
            connection.ensure_connection()
            began.set()
            answers.append(take(alice.pk))
        finally:
            connection.close()

    waiting = threading.Thread(target=wait_and_take)
    with transaction.atomic():
        Allowance.objects.update(full_at=F("full_at"))  # holds the row
        waiting.start()
        assert began.wait(10)
        time.sleep(0.3)  # the other waits for the row meanwhile
        first = Allowance.take(Cursor(), alice.pk)
    waiting.join(10)
    assert [(taken, left.remaining) for taken, left in [first, *answers]] == [(True, 1), (True, 0)]
    assert take(alice.pk)[0] is False
