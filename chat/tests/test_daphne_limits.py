"""What is added to daphne: a gate where a connection's buffer is full, and an end of waiting for requests."""

import asyncio
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from chat.daphne_limits import GRACE_SECONDS, MAX_WAITING, BoundedHTTPFactory, Gate


async def test_a_gate_is_open_at_first():
    assert await Gate().wait() is True


@pytest.mark.parametrize("way", ["resumeProducing", "stopProducing"])
async def test_a_closed_gate_opens_when_there_is_room_or_the_reader_has_gone(way):
    gate = Gate()
    gate.pauseProducing()
    waiting = asyncio.ensure_future(gate.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    getattr(gate, way)()
    assert await waiting is True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def factory(clock: Clock) -> Any:
    factory = BoundedHTTPFactory(server=None, seconds=60)
    factory.reactor = clock
    return factory


def connect(factory: Any) -> tuple[Any, StringTransport]:
    channel, transport = factory.buildProtocol(None), StringTransport()
    channel.makeConnection(transport)
    return channel, transport


def test_bytes_that_trickle_in_give_a_request_no_more_time(factory: Any, clock: Clock):
    channel, transport = connect(factory)
    clock.advance(30)
    for _ in range(59):
        channel.dataReceived(b"G")
        clock.advance(1)
    assert not transport.disconnecting
    channel.dataReceived(b"G")
    clock.advance(1)
    assert transport.disconnecting


def test_of_too_many_connections_that_ask_nothing_the_oldest_is_cut(factory: Any, clock: Clock):
    first, second = connect(factory), connect(factory)
    clock.advance(GRACE_SECONDS + 1)
    for _ in range(MAX_WAITING - 2):
        connect(factory)
    assert not first[1].disconnected
    connect(factory)
    assert first[1].disconnected
    assert not second[1].disconnected
    assert len(factory.waiting) == MAX_WAITING


def test_a_crowd_that_comes_at_once_is_not_cut(factory: Any):
    crowd = [connect(factory) for _ in range(MAX_WAITING * 2)]
    assert not any(transport.disconnected for _, transport in crowd)
