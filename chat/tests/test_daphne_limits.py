"""The gate between an application and a connection whose buffer is full."""

import asyncio

import pytest

from chat.daphne_limits import Gate


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
