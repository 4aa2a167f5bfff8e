"""A server that dies in the middle of an answer: another one takes the run up and ends it, once."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest

from tests.product import Product, Serve
from tests.wire.client import Client, Frame, eventually
from tests.wire.scripts import calls, says, turns, uses

SLOW = "paced:120:25"  # three seconds of text
CROWD = 8


@pytest.fixture
def quick(settings_of_the_tests: dict[str, object]) -> dict[str, object]:
    """Settings of servers that take runs over after a second."""
    return {**settings_of_the_tests, "LEASE_SECONDS": 1, "DRAIN_SECONDS": 1}


def someone(server: Product, session) -> Client:
    return Client(server, session, server.bearer("alice"))


def text_of(events: list[dict]) -> str:
    """The text that a reader is left with, who drops what `run_resumed` says is void."""
    pieces: list[tuple[int, str]] = []
    for event in events:
        if event["event_type"] == "run_resumed":
            pieces = [(seq, text) for seq, text in pieces if seq <= event["discard_after_seq"]]
        elif event["event_type"] == "chat_chunk":
            pieces.append((event["seq"], event["content"]))
    return "".join(text for _, text in pieces)


def check_story(events: list[dict], *, attempt: int = 2) -> dict:
    """Numbers without gaps, one end, one takeover; the last event."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["event_type"] for event in events]
    assert sum(kind in {"chat_complete", "error", "chat_cancelled"} for kind in kinds) == 1
    resumed = [event for event in events if event["event_type"] == "run_resumed"]
    assert [event["attempt"] for event in resumed] == [attempt]
    assert events[-1]["event_type"] == "chat_complete"
    assert text_of(events) == events[-1]["final_response"]
    return events[-1]


def milliseconds(first: dict, later: dict) -> float:
    began, ended = (datetime.fromisoformat(event["timestamp"]) for event in (first, later))
    return (ended - began) / timedelta(milliseconds=1)


async def restart(serve: Serve, killed: Product, session, quick) -> Client:
    killed.kill()
    return someone(serve(beside=killed, port=killed.port, **quick), session)


async def was_taken_over(client: Client, run_id: str, attempt: int) -> bool:
    return bool((await client.get(f"/runs/{run_id}")).json["attempt"] == attempt)


async def rest_of(client: Client, run_id: str, seen: list[Frame]) -> list[dict]:
    """What a reader gets who comes back with its cursor, after what it had."""
    async with client.follow(run_id, Last_Event_ID=seen[-1].id) as stream:
        return [frame.event for frame in [*seen, *await stream.rest()]]


async def test_a_server_killed_during_text_tells_the_answer_again_after_its_restart(
    serve: Serve, session, profile, quick
):
    server = serve(profile, **quick)
    async with someone(server, session).stream(SLOW) as stream:
        seen = await stream.until("chat_chunk")
        alice = await restart(serve, server, session, quick)
    events = await rest_of(alice, stream.run_id, seen)
    last = check_story(events)
    assert last["final_response"] == "".join(f"t{number} " for number in range(120))
    assert events == await alice.events(stream.run_id)
    run = (await alice.get(f"/runs/{stream.run_id}")).json
    assert (run["status"], run["attempt"]) == ("completed", 2)
    resumed = next(event for event in events if event["event_type"] == "run_resumed")
    assert run["first_token_ms"] == last["first_token_ms"] < milliseconds(events[0], resumed)
    assert (await alice.ask("say:Next")).json["response"] == "Next"


async def test_a_safe_tool_runs_again_and_an_unsafe_one_does_not(serve: Serve, session, profile, quick, trace):
    server = serve(profile, **quick)
    alice = someone(server, session)
    server.manage("migrate", "--verbosity", "0")  # takes note of the tests' tools
    await alice.post("/agents/payer", {"tools": ["note", "pay", "calculate"]})
    message = uses(
        ("calculate", {"expression": "1"}), ("note", {"seconds": 1.5}), ("pay", {"seconds": 1.5}), then="Paid?"
    )
    async with alice.stream(message, agent_name="payer") as stream:
        seen = await stream.until("tool_call_complete")

        async def both_ran() -> bool:
            return len(trace.read_text().splitlines()) == 2

        await eventually(both_ran)
        alice = await restart(serve, server, session, quick)
    events = await rest_of(alice, stream.run_id, seen)
    assert check_story(events)["final_response"] == "Paid?"
    ended = {event["tool_call"]["name"]: event["tool_call"]["status"] for event in events if "tool_call" in event}
    assert ended == {"calculate": "completed", "note": "completed", "pay": "outcome_unknown"}
    starts = [event["tool_call"]["id"] for event in events if event["event_type"] == "tool_call_start"]
    assert sorted(starts) == ["c0", "c1", "c2"]
    lines = trace.read_text().splitlines()
    assert sorted(lines) == sorted([f"{stream.run_id}:c1"] * 2 + [f"{stream.run_id}:c2"])
    run = (await alice.get(f"/runs/{stream.run_id}")).json
    assert {call["name"]: call["status"] for call in run["tool_calls"]} == ended


async def test_finished_rounds_are_not_done_again(serve: Serve, session, quick, trace):
    server = serve(**quick)
    alice = someone(server, session)
    server.manage("migrate", "--verbosity", "0")
    await alice.post("/agents/payer", {"tools": ["pay"]})
    message = turns(calls(("pay", {"seconds": 0}), text="Paying. "), [{"text": "Now "}, {"delay": 1}, *says("I rest.")])
    async with alice.stream(message, agent_name="payer") as stream:
        seen = await stream.until("tool_call_complete")
        async for frame in stream.frames():
            seen.append(frame)
            if frame.type == "chat_chunk":
                break
        alice = await restart(serve, server, session, quick)
    events = await rest_of(alice, stream.run_id, seen)
    assert check_story(events)["final_response"].startswith("Paying. ")
    assert len(trace.read_text().splitlines()) == 1


async def test_a_second_process_takes_over_while_readers_wait_there(serve: Serve, session, quick):
    first = serve("postgres", **quick)
    second = serve("postgres", beside=first, **quick)
    alice = someone(first, session)
    async with alice.stream(SLOW) as stream, alice.at(second).follow(stream.run_id) as elsewhere:
        await elsewhere.until("chat_chunk")
        first.kill()
        rest = [frame.event for frame in await elsewhere.rest()]
    assert rest[-1]["event_type"] == "chat_complete"
    check_story(await alice.at(second).events(stream.run_id))


async def test_a_run_that_loses_its_server_again_and_again_is_given_up(serve: Serve, session, quick):
    server = serve(**quick)
    alice = someone(server, session)
    async with alice.stream("stall:1") as stream:
        await stream.until("chat_chunk")
    for attempt in (2, 3, 4):
        server.kill()
        server = serve(beside=server, port=server.port, **{**quick, "MODEL_IDLE_TIMEOUT": 60})
        alice = someone(server, session)
        await eventually(partial(was_taken_over, alice, stream.run_id, attempt), seconds=20)
    async with alice.follow(stream.run_id) as again:
        last = (await again.rest())[-1].event
    assert (last["event_type"], last["error_code"]) == ("error", "internal_error")
    assert "interrupted 3 times" in last["error_message"]
    assert (await alice.ask("say:Next")).json["response"] == "Next"


async def test_a_server_told_to_stop_lets_a_short_answer_finish(serve: Serve, session, profile, quick):
    server = serve(profile, **{**quick, "DRAIN_SECONDS": 10})
    alice = someone(server, session)
    async with alice.stream("paced:40:25") as stream:
        seen = await stream.until("chat_chunk")
        server.process.popen.terminate()
        frames = [*seen, *await stream.rest()]
    assert frames[-1].type == "chat_complete"
    assert server.process.popen.wait(5) == 0


async def test_a_stopping_server_takes_no_new_messages_and_is_not_ready(serve: Serve, session, quick):
    server = serve(**{**quick, "DRAIN_SECONDS": 10})
    alice = someone(server, session)
    async with alice.stream("paced:60:25") as stream:
        await stream.until("chat_chunk")
        server.process.popen.terminate()

        async def is_draining() -> bool:
            return (await alice.get("/health/ready")).status == 503

        await eventually(is_draining)
        assert (await alice.get("/health/ready")).json["checks"]["runs"] == "draining"
        assert (await alice.get("/health")).json["status"] == "degraded"
        for path in ("/chat", "/chat/stream"):
            refused = await alice.post(path, {"message": "say:Late", "reset_history": True})
            assert (refused.status, refused.code) == (503, "shutting_down")
            assert int(refused.headers["Retry-After"]) >= 1
        assert (await stream.rest())[-1].type == "chat_complete"
    assert server.process.popen.wait(5) == 0


async def test_who_waits_for_a_whole_answer_is_told_that_the_server_stops(serve: Serve, session, quick):
    server = serve(**quick)
    alice = someone(server, session)
    asked = {"message": SLOW, "reset_history": True}
    waiting = [asyncio.create_task(alice.post("/chat", asked)) for _ in range(CROWD)]

    async def are_running() -> bool:
        return len((await alice.get("/conversations")).json["results"]) == CROWD

    await eventually(are_running)
    server.process.popen.terminate()
    answers = await asyncio.gather(*waiting)
    assert {(refused.status, refused.code) for refused in answers} == {(503, "shutting_down")}
    assert all(int(refused.headers["Retry-After"]) >= 1 for refused in answers)
    assert server.process.popen.wait(5) == 0
    again = await restart(serve, server, session, quick)
    for refused in answers:
        async with again.follow(refused.json["error"]["details"]["run_id"]) as stream:
            check_story([frame.event for frame in await stream.rest()], attempt=1)


async def test_a_long_answer_goes_on_in_the_other_process_when_its_server_stops(serve: Serve, session, quick):
    patient = {**quick, "LEASE_SECONDS": 30}
    first = serve("postgres", **patient)
    second = serve("postgres", beside=first, **patient)
    alice = someone(first, session)
    async with alice.stream(SLOW) as stream:
        seen = await stream.until("chat_chunk")
        assert first.stop(seconds=8) == 0
    events = await rest_of(alice.at(second), stream.run_id, seen)
    check_story(events, attempt=1)


async def test_sockets_of_a_stopping_server_are_told_to_come_back(serve: Serve, session, quick):
    server = serve(**quick)
    async with someone(server, session).socket() as socket:
        await socket.send("ping")
        await socket.receive()
        server.process.popen.terminate()
        await socket.connection.wait_closed()
        assert socket.connection.close_code == 1012
    assert server.process.popen.wait(5) == 0


async def test_a_tool_that_hangs_does_not_keep_a_stopping_server(serve: Serve, session, quick, trace):
    server = serve(**quick)
    alice = someone(server, session)
    server.manage("migrate", "--verbosity", "0")
    await alice.post("/agents/hanging", {"tools": ["note"]})
    async with alice.stream(uses(("note", {"seconds": 60})), agent_name="hanging") as stream:
        await stream.until("tool_call_start")

        async def has_begun() -> bool:
            return bool(trace.read_text())

        await eventually(has_begun)
        assert server.stop(seconds=10) == 0
