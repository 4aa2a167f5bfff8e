"""The WebSocket: frames in, frames out, several runs at once."""

import json

import pytest
from websockets.exceptions import ConnectionClosed

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.scripts import uses


async def test_a_chat_is_told_in_frames_with_run_and_number(alice: Client):
    async with alice.socket() as socket:
        frames = await socket.chat("say:Good morning")
    assert [frame["type"] for frame in frames] == ["run_started", "chat_chunk", "chat_complete"]
    for number, frame in enumerate(frames, 1):
        assert list(frame) == ["type", "data", "run_id", "seq"]
        assert frame["data"]["event_type"] == frame["type"]
        assert frame["seq"] == frame["data"]["seq"] == number
        assert frame["run_id"] == frames[0]["data"]["run_id"]
    assert frames[-1]["data"]["final_response"] == "Good morning"


async def test_the_three_tool_events_share_a_type(alice: Client):
    async with alice.socket() as socket:
        frames = await socket.chat(uses(("calculate", {"expression": "1+1"}), ("unknown_tool", {})))
    tools = [frame["data"]["event_type"] for frame in frames if frame["type"] == "tool_call"]
    assert sorted(tools) == ["tool_call_complete", "tool_call_error", "tool_call_start", "tool_call_start"]


async def test_a_run_that_fails_ends_with_an_error_frame(alice: Client):
    async with alice.socket() as socket:
        last = (await socket.chat("status:401"))[-1]
        assert (last["type"], last["data"]["error_code"]) == ("error", "model_error")
        assert last["data"]["error_message"]
        assert (await socket.chat("say:Next"))[-1]["type"] == "chat_complete"


async def test_several_runs_share_one_socket(alice: Client):
    async with alice.socket() as socket:
        for number in range(5):
            await socket.send("chat", {"message": f"paced:{10 + number}:10", "reset_history": True}, id=f"ask-{number}")
        frames = []
        while sum(frame["type"] == "chat_complete" for frame in frames) < 5:
            frames.append(await socket.receive())
    runs = {frame["run_id"]: [] for frame in frames}
    for frame in frames:
        runs[frame["run_id"]].append(frame["seq"])
    assert len(runs) == 5
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in runs.values())
    assert len({frame["id"] for frame in frames if "id" in frame}) == 5


async def test_commands_are_heard_while_an_answer_streams(alice: Client):
    async with alice.socket() as socket:
        await socket.send("chat", {"message": "stall:1"})
        run_id = (await socket.until("chat_chunk"))[0]["run_id"]
        await socket.send("ping")
        assert (await socket.until("pong"))[-1] == {"type": "pong", "data": {}}
        await socket.send("cancel", {"run_id": run_id})
        await socket.until("chat_cancelled")


async def test_the_clients_id_comes_back_on_the_first_frame_of_its_run(alice: Client):
    async with alice.socket() as socket:
        await socket.send("chat", {"message": "say:Hello"}, id='my "id" é')
        frames = await socket.until("chat_complete")
    assert [frame.get("id") for frame in frames] == ['my "id" é', None, None]


async def test_the_clients_id_comes_back_on_errors(alice: Client):
    async with alice.socket() as socket:
        await socket.send("chat", {"message": ""}, id="seven")
        frame = await socket.receive()
    assert (frame["type"], frame["id"], frame["data"]["error_code"]) == ("error", "seven", "invalid_request")


async def test_resuming_again_moves_the_cursor(alice: Client):
    async with alice.socket() as socket:
        frames = await socket.chat("say:Hello")
        for after in (0, 2, 1):
            await socket.send("resume", {"run_id": frames[0]["run_id"], "after": after})
            assert await socket.until("chat_complete") == frames[after:]


async def test_resuming_an_ended_run_at_its_end_brings_nothing(alice: Client):
    async with alice.socket() as socket:
        frames = await socket.chat("say:Hello")
        await socket.send("resume", {"run_id": frames[0]["run_id"], "after": frames[-1]["seq"]})
        await socket.send("ping")
        assert (await socket.receive())["type"] == "pong"


@on_sqlite
async def test_disconnect_closes_the_socket_cleanly(alice: Client):
    async with alice.socket() as socket:
        await socket.send("disconnect")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000


@on_sqlite
async def test_ping_takes_the_original_form_without_data(alice: Client):
    async with alice.socket() as socket:
        await socket.connection.send('{"type": "ping"}')
        assert json.loads(await socket.text()) == {"type": "pong", "data": {}}


async def test_two_sockets_of_one_person_see_their_own_runs_only(alice: Client):
    async with alice.socket() as first, alice.socket() as second:
        await first.send("chat", {"message": "say:Hello"})
        await first.until("chat_complete")
        await second.send("ping")
        assert (await second.receive())["type"] == "pong"


async def test_the_idempotency_of_a_conversation_holds_on_sockets_too(alice: Client):
    async with alice.socket() as socket:
        await socket.send("chat", {"message": "stall:1"})
        run_id = (await socket.until("chat_chunk"))[0]["run_id"]
        await socket.send("chat", {"message": "say:Hello"}, id="second")
        refused = (await socket.until("error"))[-1]
        assert (refused["id"], refused["data"]["error_code"]) == ("second", "conversation_busy")
        assert refused["data"]["details"]["run_id"] == run_id
        await socket.send("cancel", {"run_id": run_id})
        await socket.until("chat_cancelled")


async def test_open_sockets_and_streams_are_counted_by_health(alice: Client):
    async with alice.socket() as socket:
        await socket.send("ping")
        await socket.receive()
        assert (await alice.get("/health")).json["active_connections"] >= 1


@on_sqlite
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_request_that_is_no_handshake_is_told_that_this_is_a_socket(nobody: Client, method):
    for _ in range(2):  # the connection stays open
        refused = await nobody.send(method, "/ws?ticket=x", headers={"Accept": "text/html"})
        assert (refused.status, refused.headers["Upgrade"]) == (426, "websocket")
    if method == "GET":
        assert (refused.code, "WebSocket" in refused.error["message"]) == ("invalid_request", True)


@on_sqlite
async def test_a_post_to_the_socket_is_405(nobody: Client):
    refused = await nobody.post("/ws", {})
    assert (refused.status, refused.code) == (405, "invalid_request")
