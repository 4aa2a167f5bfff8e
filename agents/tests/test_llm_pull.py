"""Text that is wanted only later, and pulled then: see agents.llm.body."""

import asyncio
import zlib
from collections.abc import Callable
from contextlib import aclosing

import pytest

from agents.errors import ErrorCode, ModelError
from agents.llm.base import ModelDelta, ModelRequest, ReasoningDelta, TextDelta, TurnEnd
from agents.llm.openai import OpenAIChatModel
from agents.messages import UserMessage
from agents.tests.asking import ask, text, until
from agents.tests.taking import ALONE, END, HEAD, PIECES, Taker, asked, at_once
from tests import provider as provider_module
from tests.provider import Provider
from tests.provider_script import FRAMED, Script, Step, encode, payload

SOON = [{"pace": [{"text": piece} for piece in PIECES], "every": 0.005}]  # several while a taker wants none


async def test_what_comes_while_none_is_wanted_is_one_piece():
    """And the connection then serves a caller that waits for each piece."""
    async with Provider([*HEAD, *SOON, *END]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        for _ in range(2):
            taker = Taker(pause=0.03)
            yielded = await ask(model, take=taker)  # what came with the end
            assert taker.text() + text(yielded) == "".join(PIECES)
            assert len(taker.deltas) < len(PIECES) / 2
            assert text(await ask(model)) == "".join(PIECES)
        assert provider.connections == 1
        await model.aclose()


async def test_who_asks_too_often_and_too_late_is_given_nothing():
    """Once for each piece is enough, but nothing else depends on it."""
    asking: list[Callable[[], None]] = []

    class Eager(Taker):
        def put(self, delta: TextDelta | ReasoningDelta, more: Callable[[], None]) -> bool | None:
            for pause in (0, 0.01, 0.02):
                asyncio.get_running_loop().call_later(pause, more)
            asking.append(more)
            return super().put(delta, more)

    taker = Eager(pause=0.03)
    yielded = await asked([*HEAD, *SOON, {"delay": 0.05}, *SOON, *END], taker)
    for more in asking:
        more()
    assert taker.text() + text(yielded) == 2 * "".join(PIECES)


@pytest.mark.parametrize("cut", ["rst", "fin"])
async def test_a_cut_is_seen_when_more_is_wanted(cut: str):
    taker = Taker(pause=0.1)
    with pytest.raises(ModelError) as raised:
        await asked([*HEAD, *SOON, {"cut": cut}], taker)
    assert raised.value.code is ErrorCode.MODEL_ERROR


async def test_silence_while_none_was_wanted_is_a_timeout():
    taker = Taker(pause=0.05)
    async with Provider([*HEAD, *SOON, {"stall": True}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, idle_timeout=0.2)
        with pytest.raises(ModelError) as raised:
            await ask(model, take=taker)
        await until(lambda: not provider.open)
        await model.aclose()
    assert raised.value.code is ErrorCode.MODEL_TIMEOUT
    assert taker.text() == "".join(PIECES)


async def test_a_pull_that_finds_only_the_head_of_a_piece_waits_for_the_rest():
    """HTTP's own, which says how long it is."""
    last = encode({"text": "last"})
    head = last.index(b"\r\n") + 2
    cut: Script = [FRAMED + last[:head], {"delay": 0.1}, FRAMED + last[head:]]
    taker = Taker(pause=0.03)
    await asked([*HEAD, {"text": "a"}, {"delay": 0.01}, *cut, {"delay": 0.3}, *END], taker, idle_timeout=1)
    assert taker.deltas == [TextDelta("a"), TextDelta("last")]


async def test_a_flood_is_taken_at_the_pace_of_who_takes_it():
    """More than is pulled at once, and more than is taken in one piece."""
    flood = "x" * 3000
    taker = Taker(pause=0.005)
    yielded = await asked([*HEAD, {"text": [flood] * 400}, {"delay": 0.02}, *END], taker)
    assert len(taker.text() + text(yielded)) == 400 * len(flood)


class Prompt(Taker):
    """Asks for more in the same turn of the event loop in which it has taken a piece."""

    def put(self, delta: TextDelta | ReasoningDelta, more: Callable[[], None]) -> bool | None:
        taken = super().put(delta, more)
        asyncio.get_running_loop().call_soon(more)
        return None if taken is None else True


@pytest.mark.parametrize("then", [{"finish": "stop"}, {"call": "add", "arguments": {"a": 1}}, b'data: {"choices": [{'])
async def test_who_is_woken_by_what_came_with_a_piece_is_told_the_rest(then: Step):
    """Though it was asked for more before the caller waited again."""
    rest: Script = [b'"delta": {"content": "x"}}]}\n\n'] if isinstance(then, bytes) else []
    together = at_once({"text": "two"}, then)
    script: Script = [*HEAD, {"text": "one"}, {"delay": 0.05}, together, {"delay": 0.05}, *rest, *END]
    taker = Prompt()
    async with asyncio.timeout(3):  # sooner than the provider is found to be silent
        yielded = await asked(script, taker)
    assert taker.text() + text(yielded) == "onetwo" + ("x" if rest else "")
    assert isinstance(yielded[-1], TurnEnd)
    assert yielded[-1].usage is not None


async def test_a_caller_that_was_away_when_more_was_wanted_is_told_the_rest():
    """As one that has to wait for the database."""
    taker = Taker(until=2, pause=0.02)
    script: Script = [*HEAD, {"text": "one"}, {"delay": 0.05}, at_once({"text": "two"}, {"text": "three"})]
    async with Provider([*script, {"delay": 0.1}, {"text": "four"}, *END]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        request = ModelRequest("scripted", (UserMessage("Hello"),), take=taker)
        told: list[ModelDelta] = []
        async with asyncio.timeout(3), aclosing(model.stream(request)) as deltas:
            async for delta in deltas:
                told.append(delta)
                await asyncio.sleep(0.05)
        await model.aclose()
    assert taker.text() + text(told) == "onetwothreefour"


async def test_who_does_not_want_more_for_long_does_not_make_the_provider_silent():
    """The window may be longer than the provider may be silent."""
    taker = Taker(pause=0.5)
    yielded = await asked([*ALONE, *END], taker, idle_timeout=0.2)
    assert taker.text() + text(yielded) == "".join(PIECES)
    assert len(taker.deltas) < len(PIECES)


async def test_a_compressed_flood_is_told_in_order(monkeypatch: pytest.MonkeyPatch):
    """Nobody asks for compression, but a proxy may compress. It is more than is read at once when it is unpacked."""
    compressor = zlib.compressobj(wbits=31)

    def packed(*steps: Step) -> bytes:
        data = compressor.compress(b"".join(map(payload, steps))) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return FRAMED + b"%x\r\n%b\r\n" % (len(data), data)

    head = provider_module.HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    monkeypatch.setattr(provider_module, "HEAD", head)
    pieces = [f"<{number}>" + "x" * 60 for number in range(9000)]
    begins: Script = [step for piece in "abc" for step in (packed({"text": piece}), {"delay": 0.03})]
    flood: Script = [packed(*({"text": piece} for piece in pieces)), {"delay": 0.1}, packed(*END)]
    told: list[str] = []

    class Telling(Taker):
        def put(self, delta: TextDelta | ReasoningDelta, more: Callable[[], None]) -> bool | None:
            taken = super().put(delta, more)
            if taken is not None:
                told.append(delta.content)
            return taken

    async with Provider([*begins, *flood]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        request = ModelRequest("scripted", (UserMessage("Hello"),), take=Telling(pause=0.05))
        async with aclosing(model.stream(request)) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    told.append(delta.content)  # noqa: PERF401  # in its turn among what is taken
        await model.aclose()
    assert "".join(told) == "abc" + "".join(pieces)
