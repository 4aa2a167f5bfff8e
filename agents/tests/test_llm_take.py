"""Text that is taken past a caller that waits: see ModelRequest.take."""

import asyncio
from collections.abc import Callable

import pytest

from agents.errors import ErrorCode, ModelError
from agents.events import ChatChunk
from agents.limits import Limits, exceeded
from agents.llm.base import ReasoningDelta, TextDelta, TurnEnd
from agents.llm.openai import OpenAIChatModel
from agents.messages import UserMessage
from agents.streaming_agent import StreamingAgent
from agents.tests.asking import ask, calls, text, until
from agents.tests.taking import ALONE, END, HEAD, PIECES, Taker, asked, at_once
from agents.transcript import Transcript
from tests.provider import Provider
from tests.provider_script import Script, Step

ERROR = {"chunk": {"error": {"message": "overloaded", "code": 500}}}
DONE = {"done": True}


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


@pytest.mark.parametrize("begins", [HEAD, ALONE])
@pytest.mark.parametrize("then", [DONE, {"text": "after"}])
@pytest.mark.parametrize("pause", [0, 0.05])
async def test_what_comes_with_a_failure_does_not_hide_it(begins: Script, then: Step, pause: float):
    taker = Taker(pause=pause)
    with pytest.raises(ModelError) as raised:
        await asked([*begins, {"delay": 0.03}, at_once(ERROR, then), {"delay": 0.03}, *END], taker, max_retries=0)
    assert raised.value.code is ErrorCode.MODEL_ERROR
    assert "after" not in taker.text()


@pytest.mark.parametrize("pause", [0, 0.05])
async def test_what_comes_after_the_end_is_not_read(pause: float):
    taker = Taker(pause=pause)
    yielded = await asked([*ALONE, {"finish": "stop"}, {"delay": 0.03}, at_once(DONE, {"text": "after"})], taker)
    assert isinstance(yielded[-1], TurnEnd)
    assert taker.text() + text(yielded) == "".join(PIECES)


async def test_text_that_comes_with_text_is_told_in_order():
    taker = Taker(1)
    yielded = await asked([*HEAD, at_once(*({"text": piece} for piece in PIECES)), {"delay": 0.03}, *END], taker)
    assert taker.text() == PIECES[0]
    assert text(yielded) == "".join(PIECES[1:])


@pytest.mark.parametrize("failure", [exceeded("Too much."), ValueError("a mistake"), RuntimeError("a mistake")])
@pytest.mark.parametrize("pause", [0, 0.01])
async def test_a_failure_to_take_ends_the_turn(failure: Exception, pause: float):
    taker = Taker(failure=failure, pause=pause)
    with pytest.raises(type(failure)) as raised:
        await asked([*ALONE, {"stall": True}], taker)
    assert raised.value is failure
    assert len(taker.deltas) == 3


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
