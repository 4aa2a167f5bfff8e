"""Text that is taken past a caller that waits: see ModelRequest.take."""

import asyncio
import zlib
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from agents.errors import ErrorCode, ModelError
from agents.events import ChatChunk
from agents.limits import Limits, exceeded
from agents.llm.base import ModelDelta, ModelRequest, ReasoningDelta, TextDelta, TurnEnd
from agents.llm.openai import OpenAIChatModel
from agents.messages import UserMessage
from agents.streaming_agent import StreamingAgent
from agents.tests.asking import ask, calls, text, until
from agents.transcript import Transcript
from tests import provider as provider_module
from tests.provider import Provider
from tests.provider_script import FRAMED, Script, Step, encode, payload

PIECES = [f"{number} " for number in range(12)]
# The head has gone before, so that each piece finds a caller that waits.
HEAD: Script = [b": wait\n\n", {"delay": 0.05}]
ALONE: Script = [*HEAD, {"pace": [{"text": piece} for piece in PIECES], "every": 0.03}]
END: Script = [{"finish": "stop"}, {"usage": [1, 2]}, {"done": True}]


@dataclass
class Taker:
    """Takes what comes, but nothing from the `until`-th piece on. After each piece it wants more in `pause` seconds."""

    until: int = 1000
    failure: Exception | None = None
    pause: float = 0
    deltas: list[ModelDelta] = field(default_factory=list)

    def put(self, delta: TextDelta | ReasoningDelta, more: Callable[[], None]) -> bool | None:
        if len(self.deltas) >= self.until:
            return None
        if self.failure and len(self.deltas) == 3:
            raise self.failure
        self.deltas.append(delta)
        if self.pause:
            asyncio.get_running_loop().call_later(self.pause, more)
        return self.pause > 0

    def text(self) -> str:
        return "".join(delta.content for delta in self.deltas if isinstance(delta, TextDelta))


async def asked(script: Script, taker: Taker, **options: float) -> list[ModelDelta]:
    async with Provider(script) as provider:
        model = OpenAIChatModel(base_url=provider.base_url, **options)  # type: ignore[arg-type]
        try:
            return await ask(model, take=taker)
        finally:
            await model.aclose()
            assert len(provider.requests) == 1


async def test_what_is_taken_is_not_yielded():
    """And counts as a sign of life: the answer takes longer than the provider may be silent."""
    taker = Taker()
    yielded = await asked([*ALONE, *END], taker, idle_timeout=0.2)
    assert len(taker.deltas) == len(PIECES)
    assert taker.text() == "".join(PIECES)
    (last,) = yielded
    assert isinstance(last, TurnEnd)
    assert (last.finish_reason, last.usage and last.usage.output_tokens) == ("stop", 2)


@pytest.mark.parametrize("until", [0, 1, 5])
async def test_what_is_not_taken_is_yielded_once(until: int):
    taker = Taker(until)
    yielded = await asked([*ALONE, *END], taker)
    assert taker.deltas == [TextDelta(piece) for piece in PIECES[:until]]
    assert yielded[:-1] == [TextDelta(piece) for piece in PIECES[until:]]


async def test_only_text_is_taken():
    """Reasoning is text; a call, an end, and what comes in one read with them are the caller's."""
    call = {"call": "add", "arguments": {"a": 1}, "id": "call_1"}
    said: Script = [{"reasoning": "Hm."}, b": nothing\n\n", {"text": "<think>so</think>then"}, {"text": "x"}, call]
    paused: Script = [step for each in said for step in (each, {"delay": 0.03})]
    script: Script = [*HEAD, *paused, {"finish": "tool_calls"}, {"done": True}]
    taker = Taker()
    yielded = await asked(script, taker)
    assert taker.deltas == [ReasoningDelta("Hm."), TextDelta("x")]
    assert yielded[:-1] == [ReasoningDelta("so"), TextDelta("then")]
    assert [call.name for call in calls(yielded)] == ["add"]


SOON = [{"pace": [{"text": piece} for piece in PIECES], "every": 0.005}]  # several while a taker wants none


async def test_what_comes_while_none_is_wanted_is_one_piece():
    """And the connection then serves a caller that waits for each piece."""
    async with Provider([*HEAD, *SOON, *END]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        for _ in range(2):
            taker = Taker(pause=0.03)
            yielded = await ask(model, take=taker)  # what came with the end
            assert taker.text() + text(yielded) == "".join(PIECES)
            assert 1 < len(taker.deltas) < len(PIECES) / 2
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
    await asked([*HEAD, *SOON, {"delay": 0.05}, *SOON, *END], taker)
    for more in asking:
        more()
    assert taker.text() == 2 * "".join(PIECES)


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


ERROR = {"chunk": {"error": {"message": "overloaded", "code": 500}}}
DONE = {"done": True}


def at_once(*steps: Step) -> bytes:
    """Several pieces of HTTP's framing in one write: the connection hands them on one by one."""
    return FRAMED + b"".join(map(encode, steps))


@pytest.mark.parametrize("begins", [HEAD, ALONE])
@pytest.mark.parametrize("then", [DONE, {"text": "after"}])
@pytest.mark.parametrize("pause", [0, 0.05])
async def test_what_comes_with_a_failure_does_not_hide_it(begins: Script, then: Step, pause: float):
    taker = Taker(pause=pause)
    with pytest.raises(ModelError) as raised:
        await asked([*begins, {"delay": 0.03}, at_once(ERROR, then), {"delay": 0.03}, *END], taker, max_retries=0)
    assert raised.value.code is ErrorCode.MODEL_ERROR
    assert "after" not in taker.text()


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
        last = (await asked(script, taker))[-1]
    assert taker.text() == "onetwo" + ("x" if rest else "")
    assert isinstance(last, TurnEnd)
    assert last.usage is not None


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


@pytest.mark.parametrize("pause", [0, 0.05])
async def test_what_comes_after_the_end_is_not_read(pause: float):
    taker = Taker(pause=pause)
    yielded = await asked([*ALONE, {"finish": "stop"}, {"delay": 0.03}, at_once(DONE, {"text": "after"})], taker)
    assert [type(delta) for delta in yielded] == [TurnEnd]
    assert taker.text() == "".join(PIECES)


async def test_text_that_comes_with_text_is_told_in_order():
    taker = Taker(1)
    yielded = await asked([*HEAD, at_once(*({"text": piece} for piece in PIECES)), {"delay": 0.03}, *END], taker)
    assert taker.text() == PIECES[0]
    assert "".join(delta.content for delta in yielded if isinstance(delta, TextDelta)) == "".join(PIECES[1:])


@pytest.mark.parametrize("failure", [exceeded("Too much."), ValueError("a mistake"), RuntimeError("a mistake")])
@pytest.mark.parametrize("pause", [0, 0.01])
async def test_a_failure_to_take_ends_the_turn(failure: Exception, pause: float):
    taker = Taker(failure=failure, pause=pause)
    with pytest.raises(type(failure)) as raised:
        await asked([*ALONE, {"stall": True}], taker)
    assert raised.value is failure
    assert taker.text() == "".join(PIECES[:3])


@pytest.mark.parametrize("cut", ["rst", "fin"])
async def test_an_answer_that_was_taken_and_breaks_off_is_not_asked_for_again(cut: str):
    taker = Taker()
    with pytest.raises(ModelError) as raised:
        await asked([*ALONE, {"delay": 0.03}, {"cut": cut}], taker, max_retries=2)
    assert raised.value.code is ErrorCode.MODEL_ERROR
    assert taker.text() == "".join(PIECES)


async def test_silence_after_what_was_taken_is_a_timeout():
    taker = Taker()
    with pytest.raises(ModelError) as raised:
        await asked([*ALONE, {"stall": True}], taker, idle_timeout=0.2)
    assert raised.value.code is ErrorCode.MODEL_TIMEOUT
    assert taker.text() == "".join(PIECES)


@pytest.mark.parametrize("pause", [0, 0.01])
async def test_a_caller_that_was_stopped_is_given_nothing_more(pause: float):
    taker = Taker(pause=pause)
    async with Provider([*ALONE, {"stall": True}]) as provider:
        model = OpenAIChatModel(base_url=provider.base_url)
        asking = asyncio.create_task(ask(model, take=taker))
        await until(lambda: len(taker.deltas) == 3)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: not provider.open)
        await model.aclose()
    assert len(taker.deltas) == 3


async def test_the_loop_ends_an_answer_whose_text_was_taken_as_it_was_said():
    """The taker puts what it takes into the transcript, as the loop does with what it yields itself."""
    transcript = Transcript(messages=[UserMessage("Hello")])

    class Telling(Taker):
        def put(self, delta: TextDelta | ReasoningDelta, more: Callable[[], None]) -> bool | None:
            taken = super().put(delta, more)
            if taken is not None:
                transcript.take(delta, Limits())
            return taken

    taker = Telling(5)
    async with Provider([*ALONE, *END]) as provider:
        agent = StreamingAgent(llm=OpenAIChatModel(base_url=provider.base_url), model="scripted")
        events = [event async for group in agent.resume(transcript, take=taker) for event in group]
        assert isinstance(agent.llm, OpenAIChatModel)
        await agent.llm.aclose()
    assert [event.content for event in events if isinstance(event, ChatChunk)] == PIECES[5:]
    assert transcript.answer == "".join(PIECES)
    assert events[-1].final_response == "".join(PIECES)  # type: ignore[union-attr]
