import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from chat.ids import earliest_id, new_id, parse_id


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front():
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_a_moment_parts_the_ids_made_before_from_those_made_after():
    earlier = new_id()
    time.sleep(0.003)
    moment = datetime.now(UTC)
    assert earlier < earliest_id(moment) < new_id()
    assert new_id() < earliest_id(moment + timedelta(seconds=60))


def test_ids_sort_in_the_order_in_which_they_were_made():
    ids = []
    for _ in range(2000):
        ids.append(new_id())
        time.sleep(0)  # a system call: longer than the fraction of a millisecond that an id holds
    assert ids == sorted(ids)
    assert len(set(ids)) == 2000


def test_an_id_is_read_in_its_canonical_form_only():
    made = new_id()
    assert parse_id(str(made)) == made
    assert parse_id(str(made).upper()) == made
    for spelling in (made.hex, f"{{{made}}}", f"urn:uuid:{made}", f" {made}", f"{made}\n", str(made)[:-1], ""):
        assert parse_id(spelling) is None


@pytest.mark.parametrize("value", [None, 7, b"x", [], {}])
def test_what_is_no_text_is_no_id(value):
    assert parse_id(value) is None
