"""An event is the same bytes on every transport, whoever reads it and whenever."""

import asyncio
import json
import re

from tests.wire.client import TERMINAL, Client
from tests.wire.profiles import on_postgres
from tests.wire.scripts import calls, says, turns

STORY = turns(
    [
        {"reasoning": "Hm – "},
        *calls(("calculate", {"expression": "6*7"}), ("fail", {"reason": "no «luck»"}), text="So: "),
    ],
    says("the answer is 42 🎉, \u2028 “quoted” \\ and /slashed/."),
)
DATA = re.compile(r'"data":(\{.*\}),"run_id":"[-0-9a-f]{36}","seq":\d+(,"id":".*")?\}', re.DOTALL)


async def storyteller(alice: Client) -> dict[str, str]:
    body = {"name": "Teller", "tools": ["calculate", "fail"]}
    await alice.post("/agents/teller", body)
    return {"agent_name": "teller"}


def data_of(text: str) -> bytes:
    match = DATA.search(text)
    assert match is not None, text
    return match[1].encode()


async def live_socket(alice: Client, message: str, **options: str) -> list[str]:
    async with alice.socket() as socket:
        await socket.send("chat", {"message": message, **options})
        texts = [await socket.text()]
        while json.loads(texts[-1])["type"] not in TERMINAL:
            texts.append(await socket.text())
        return texts


async def resumed_socket(alice: Client, run_id: str) -> list[str]:
    async with alice.socket() as socket:
        await socket.send("resume", {"run_id": run_id})
        texts = [await socket.text()]
        while json.loads(texts[-1])["type"] not in TERMINAL:
            texts.append(await socket.text())
        return texts


async def page_bytes(alice: Client, run_id: str) -> bytes:
    return (await alice.get(f"/runs/{run_id}/events", headers={"Accept": "application/json"})).body


async def test_a_stream_a_replay_a_socket_and_a_page_tell_the_same_bytes(alice: Client):
    async with alice.stream(STORY, **await storyteller(alice)) as stream:
        told = await stream.rest()
    assert {frame.type for frame in told} >= {"reasoning_chunk", "tool_call_complete", "tool_call_error"}
    bodies = [frame.data for frame in told]
    async with alice.follow(stream.run_id) as replay:
        assert [(frame.id, frame.data) for frame in await replay.rest()] == [(frame.id, frame.data) for frame in told]
    assert [data_of(text) for text in await resumed_socket(alice, stream.run_id)] == bodies
    page = await page_bytes(alice, stream.run_id)
    assert b'"events":[' + b",".join(bodies) + b"]" in page


async def test_a_run_that_began_on_a_socket_is_the_same_in_a_stream(alice: Client):
    texts = await live_socket(alice, STORY, **await storyteller(alice))
    frames = [json.loads(text) for text in texts]
    assert [frame["seq"] for frame in frames] == [frame["data"]["seq"] for frame in frames]
    async with alice.follow(frames[0]["run_id"]) as stream:
        assert [frame.data for frame in await stream.rest()] == [data_of(text) for text in texts]


async def test_readers_that_join_in_the_middle_see_what_the_first_one_saw(alice: Client):
    async with alice.stream("paced:60:10") as first:
        seen = await first.until("chat_chunk")

        async def join() -> list[bytes]:
            async with alice.follow(first.run_id) as stream:
                return [frame.data for frame in await stream.rest()]

        joined = asyncio.gather(*(join() for _ in range(5)))
        told = [frame.data for frame in [*seen, *await first.rest()]]
        assert await joined == [told] * 5


@on_postgres
async def test_the_other_process_tells_the_same_bytes_live_and_afterwards(alice: Client, other):
    there = alice.at(other)
    async with alice.stream("paced:40:10") as here:
        first = await here.until("run_started")
        async with there.follow(here.run_id) as elsewhere:
            mirrored = [frame.data for frame in await elsewhere.rest()]
        told = [frame.data for frame in [*first, *await here.rest()]]
    assert mirrored == told
    assert [data_of(text) for text in await resumed_socket(there, here.run_id)] == told
    assert await page_bytes(there, here.run_id) == await page_bytes(alice, here.run_id)
