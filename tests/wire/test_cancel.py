"""Stopping an answer: what was said stays, and the conversation goes on."""

import asyncio
from typing import Any

import pytest

from tests.product import Product
from tests.wire.client import Client, eventually
from tests.wire.profiles import on_postgres, on_sqlite
from tests.wire.rows import execute, key
from tests.wire.scripts import calls, script, turns


async def conversations(alice: Client) -> list[dict[str, Any]]:
    return list((await alice.get("/conversations")).json["results"])


async def is_answering(alice: Client) -> bool:
    return any(row["active_run_id"] for row in await conversations(alice))


async def worker(alice: Client) -> dict[str, str]:
    await alice.post("/agents/stoppable", {"tools": ["wait", "calculate"]})
    return {"agent_name": "stoppable"}


async def test_a_cancel_during_text_keeps_the_text_and_the_next_message_works(alice: Client):
    async with alice.stream("paced:400:10") as stream:
        seen = await stream.until("chat_chunk")
        cancelled = await alice.post(f"/runs/{stream.run_id}/cancel")
        rest = await stream.rest()
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    assert cancelled.json["stopped"] == ["answer"]
    last = rest[-1]
    said = "".join(frame.event["content"] for frame in [*seen, *rest] if frame.type == "chat_chunk")
    assert (last.type, last.event["partial_response"]) == ("chat_cancelled", said)
    assert (last.event["run_id"], last.event["conversation_id"]) == (stream.run_id, stream.conversation_id)
    messages = (await alice.get(f"/conversations/{stream.conversation_id}/messages")).json["results"]
    assert messages[1]["content"] == said != ""
    assert messages[1]["run"]["status"] == "cancelled"
    assert (await alice.ask("say:Next")).json["response"] == "Next"


async def test_a_cancel_during_silence_stops_at_once(alice: Client):
    async with alice.stream("stall:0") as stream:
        await stream.until("run_started")
        async with asyncio.timeout(1.5):
            cancelled = await alice.post(f"/runs/{stream.run_id}/cancel")
        assert cancelled.json["status"] == "cancelled"
        (last,) = await stream.rest()
    assert (last.type, last.event["partial_response"]) == ("chat_cancelled", "")
    assert (await alice.ask("say:Next")).json["response"] == "Next"


async def test_a_cancel_closes_the_connection_to_the_provider(alice: Client, provider: str):
    async def left() -> int:
        async with alice.session.get(provider.removesuffix("/v1") + "/log") as answer:
            return int((await answer.json())["disconnects"])

    async with alice.stream("stall:2") as stream:
        await stream.until("chat_chunk")
        before = await left()
        await alice.post(f"/runs/{stream.run_id}/cancel")

    async def has_left() -> bool:
        return await left() > before

    await eventually(has_left, seconds=2)


async def test_a_cancel_during_tools_stops_them_and_says_which(alice: Client):
    options = await worker(alice)
    message = turns(calls(("wait", {"seconds": 30}), ("calculate", {"expression": "1+1"}), text="One moment."))
    async with alice.stream(message, **options) as stream:
        await stream.until("tool_call_complete")
        cancelled = (await alice.post(f"/runs/{stream.run_id}/cancel")).json
        assert (await stream.rest())[-1].event["partial_response"] == "One moment."
    assert (cancelled["status"], cancelled["stopped"]) == ("cancelled", ["answer", "wait"])
    assert {call["name"]: call["status"] for call in cancelled["tool_calls"]} == {
        "wait": "cancelled",
        "calculate": "completed",
    }
    assert (await alice.ask("say:Next", **options)).json["response"] == "Next"


async def test_a_second_cancel_gives_the_same_answer(alice: Client):
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
    first = await alice.post(f"/runs/{stream.run_id}/cancel")
    second = await alice.post(f"/runs/{stream.run_id}/cancel")
    assert first.json == second.json
    events = await alice.events(stream.run_id)
    assert [event["event_type"] for event in events].count("chat_cancelled") == 1


async def test_many_cancels_at_once_stop_once(alice: Client):
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
    answers = await asyncio.gather(*(alice.post(f"/runs/{stream.run_id}/cancel") for _ in range(8)))
    assert {answer.json["status"] for answer in answers} == {"cancelled"}
    assert [event["event_type"] for event in await alice.events(stream.run_id)].count("chat_cancelled") == 1


async def test_a_cancel_after_the_end_changes_nothing(alice: Client):
    told = (await alice.ask("say:Done")).json
    before = await alice.events(told["run_id"])
    cancelled = (await alice.post(f"/runs/{told['run_id']}/cancel")).json
    assert (cancelled["status"], cancelled["stopped"]) == ("completed", [])
    assert await alice.events(told["run_id"]) == before


async def test_a_waiting_request_hears_that_its_run_was_cancelled(alice: Client):
    waiting = asyncio.create_task(alice.ask("paced:400:10"))
    await eventually(lambda: is_answering(alice))
    run_id = (await conversations(alice))[0]["active_run_id"]
    async with alice.follow(run_id) as stream:
        await stream.until("chat_chunk")
    await alice.post(f"/runs/{run_id}/cancel")
    answer = await waiting
    assert (answer.status, answer.code) == (409, "cancelled")
    assert answer.error["details"]["run_id"] == run_id
    assert answer.error["details"]["partial_response"].startswith("t0 ")


async def test_a_socket_cancels_its_run_and_goes_on(alice: Client):
    async with alice.socket() as socket:
        await socket.send("chat", {"message": "stall:2"})
        frames = await socket.until("chat_chunk")
        await socket.send("cancel", {"run_id": frames[0]["run_id"]})
        last = (await socket.until("chat_cancelled"))[-1]
        assert last["data"]["partial_response"].startswith("t0")
        assert (await socket.chat("say:Next"))[-1]["data"]["final_response"] == "Next"


async def test_a_cancel_of_a_run_that_has_ended_is_answered_with_its_terminal_event(alice: Client):
    async with alice.socket() as socket:
        last = (await socket.chat("say:Done"))[-1]
        for _ in range(2):
            await socket.send("cancel", {"run_id": last["run_id"]}, id="stop")
            assert await socket.receive() == {**last, "id": "stop"}
        await socket.send("ping")
        assert (await socket.receive())["type"] == "pong"


async def test_a_socket_that_does_not_stream_a_run_hears_of_its_end_once_when_it_cancels_it(alice: Client):
    async with alice.stream("stall:1") as stream, alice.socket() as socket:
        await stream.until("chat_chunk")
        await socket.send("cancel", {"run_id": stream.run_id}, id="stop")
        last = (await stream.rest())[-1]
        told = await socket.receive()
        assert (told["type"], told["id"], told["data"]) == ("chat_cancelled", "stop", last.event)
        await socket.send("ping")
        assert (await socket.receive())["type"] == "pong"


async def test_a_socket_that_streams_a_run_hears_of_its_end_once_when_it_cancels_it(alice: Client):
    async with alice.socket() as socket:
        await socket.send("chat", {"message": "stall:1"})
        run_id = (await socket.until("chat_chunk"))[-1]["run_id"]
        await socket.send("cancel", {"run_id": run_id})
        await socket.send("ping")
        kinds = [frame["type"] for frame in await socket.until("pong")]
        assert kinds.count("chat_cancelled") == 1


@on_sqlite
async def test_a_cancel_of_a_run_whose_end_is_no_longer_kept_says_so(alice: Client, server: Product):
    run_id = (await alice.ask("say:Kept")).json["run_id"]
    execute(server, "DELETE FROM chat_runevent WHERE run_id = ?", key(server, run_id))
    execute(server, "UPDATE chat_run SET events_pruned = ? WHERE id = ?", True, key(server, run_id))
    async with alice.socket() as socket:
        await socket.send("cancel", {"run_id": run_id}, id="stop")
        told = await socket.receive()
    assert (told["type"], told["id"], told["data"]["error_code"]) == ("error", "stop", "cursor_expired")


@on_sqlite
async def test_a_cancel_of_a_run_that_does_not_stop_in_time_says_so(alice: Client, server: Product):
    run_id = (await alice.ask("say:Frozen")).json["run_id"]
    execute(  # as if another process held it, which has just stopped to answer
        server,
        "UPDATE chat_run SET status = 'running', owner = NULL, lease_until = '2999-01-01' WHERE id = ?",
        key(server, run_id),
    )
    execute(server, "DELETE FROM chat_runevent WHERE run_id = ? AND seq > 1", key(server, run_id))
    async with alice.socket() as socket:
        await socket.send("cancel", {"run_id": run_id}, id="stop")
        told = await socket.receive()
    execute(server, "UPDATE chat_run SET status = 'cancelled' WHERE id = ?", key(server, run_id))
    assert (told["type"], told["id"], told["data"]["error_code"]) == ("error", "stop", "unavailable")


@on_postgres
async def test_another_process_stops_the_run(alice: Client, other):
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
        async with asyncio.timeout(2.5):
            cancelled = await alice.at(other).post(f"/runs/{stream.run_id}/cancel")
        assert cancelled.json["status"] == "cancelled"
        assert (await stream.rest())[-1].type == "chat_cancelled"
    assert (await alice.at(other).ask("say:Next")).json["response"] == "Next"


@pytest.mark.parametrize("way", ["stream", "request", "socket"])
async def test_a_client_that_goes_away_cancels_nothing(alice: Client, way):
    message = script({"text": "Begun. "}, {"delay": 0.5}, {"text": "Ended."}, {"finish": "stop"}, {"done": True})
    if way == "stream":
        async with alice.stream(message) as stream:
            await stream.until("chat_chunk")
    elif way == "socket":
        async with alice.socket() as socket:
            await socket.send("chat", {"message": message})
            await socket.until("chat_chunk")
    else:
        asking = asyncio.create_task(alice.ask(message))
        await eventually(lambda: is_answering(alice))
        asking.cancel()
        await asyncio.wait([asking])
    (conversation,) = await conversations(alice)
    run_id = conversation["active_run_id"]
    async with alice.follow(run_id) as stream:
        assert (await stream.rest())[-1].event["final_response"] == "Begun. Ended."


async def test_a_client_that_goes_away_before_the_answer_begins_leaves_a_whole_run(alice: Client):
    for number in range(8):
        asking = asyncio.create_task(alice.ask(f"say:Number {number}", reset_history=True))
        await asyncio.sleep(0.004 * number)
        asking.cancel()
        await asyncio.wait([asking])

    async def all_ended() -> bool:
        return not await is_answering(alice)

    await eventually(all_ended)
    for row in await conversations(alice):
        question, answer = (await alice.get(f"/conversations/{row['id']}/messages")).json["results"]
        assert answer["content"] == question["content"].removeprefix("say:")
        assert answer["run"]["status"] == "completed"
