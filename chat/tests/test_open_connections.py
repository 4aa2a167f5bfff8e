"""What is open in a process is counted by whose it is and what it is."""

import pytest

from agents.errors import ErrorCode
from chat.access import ALL_SCOPES, Caller
from chat.exceptions import Refused
from chat.open_connections import OpenConnections

ALICE = Caller(1, "alice", ALL_SCOPES, "key", "alice-1")
ALICE_AGAIN = Caller(1, "alice", ALL_SCOPES, "key", "alice-2")
BOB = Caller(2, "bob", ALL_SCOPES, "key", "bob-1")


def test_a_users_connections_of_one_kind_are_counted_whatever_the_key():
    connections = OpenConnections()
    for caller in (ALICE, ALICE_AGAIN, BOB):
        connections.add(caller, "stream", lambda: None)
    connections.add(ALICE, "socket", lambda: None)
    assert [connections.count(1, "stream"), connections.count(1, "socket"), connections.count(2, "stream")] == [2, 1, 1]
    assert len(connections) == 4


def test_what_is_removed_twice_is_counted_once_and_nothing_is_kept_of_who_has_gone():
    connections = OpenConnections()
    first, second = (connections.add(ALICE, "stream", lambda: None) for _ in range(2))
    connections.remove(first)
    connections.remove(first)
    assert connections.count(1, "stream") == 1
    connections.remove(second)
    assert (connections.count(1, "stream"), len(connections), connections._counts) == (0, 0, {})


def test_room_is_taken_and_given_back(settings):
    settings.MAX_OPEN_STREAMS = 1
    connections = OpenConnections()
    held = connections.add(ALICE, "stream", lambda: None)
    connections.check_room(BOB, "stream")
    connections.check_room(ALICE, "socket")
    with pytest.raises(Refused) as refused:
        connections.check_room(ALICE_AGAIN, "stream")
    assert refused.value.code is ErrorCode.RATE_LIMITED
    connections.remove(held)
    connections.check_room(ALICE, "stream")
