"""Coming back to a run: with a cursor, on any transport, during the answer and after it."""

import asyncio

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_postgres, on_sqlite
from tests.wire.rows import counts, execute, key
from tests.wire.scripts import uses

LONG = "paced:60:15"


async def finished(client: Client) -> tuple[str, list[bytes]]:
    async with client.stream(uses(("calculate", {"expression": "1+1"}))) as stream:
        return stream.run_id, [frame.data for frame in await stream.rest()]


async def test_a_cut_stream_goes_on_after_its_last_event_id(alice: Client):
    async with alice.stream(LONG) as first:
        seen = await first.until("chat_chunk")
    async with alice.follow(first.run_id, Last_Event_ID=seen[-1].id) as second:
        rest = await second.rest()
    assert [frame.seq for frame in [*seen, *rest]] == list(range(1, len(seen) + len(rest) + 1))
    text = "".join(frame.event["content"] for frame in [*seen, *rest] if frame.type == "chat_chunk")
    assert text == rest[-1].event["final_response"] == "".join(f"t{number} " for number in range(60))


async def test_posting_again_with_last_event_id_starts_no_second_run(alice: Client, server):
    async with alice.stream(LONG) as first:
        seen = await first.until("chat_chunk")
    before = counts(server)["chat_run"]
    async with alice.stream(LONG, headers={"Last-Event-ID": seen[-1].id}) as second:
        rest = await second.rest()
    assert second.run_id == first.run_id
    assert rest[0].seq == seen[-1].seq + 1
    assert counts(server)["chat_run"] == before


@pytest.mark.parametrize("where", ["events", "post"])
async def test_coming_back_to_a_silent_run_is_answered_at_once(alice: Client, where):
    async with alice.stream("stall:1") as first:
        seen = await first.until("chat_chunk")
    cursor = {"Last-Event-ID": seen[-1].id}
    async with asyncio.timeout(5):  # seconds: the run itself says nothing for much longer
        if where == "post":
            async with alice.stream("stall:1", headers=cursor) as second:
                head = await second.response.content.readuntil(b"keep-alive\n\n")
        else:
            async with alice.follow(first.run_id, Last_Event_ID=seen[-1].id) as second:
                head = await second.response.content.readuntil(b"keep-alive\n\n")
    assert head == b"retry: 2000\n\n: keep-alive\n\n"
    await alice.post(f"/runs/{first.run_id}/cancel")


async def test_a_socket_resumes_what_a_stream_began(alice: Client):
    async with alice.stream(LONG) as stream:
        seen = await stream.until("chat_chunk")
    async with alice.socket() as socket:
        await socket.send("resume", {"run_id": stream.run_id, "after": seen[-1].seq}, id="r1")
        frames = await socket.until("chat_complete")
    assert [frame.get("id") for frame in frames[:2]] == ["r1", None]
    assert [frame["seq"] for frame in frames] == list(range(seen[-1].seq + 1, frames[-1]["seq"] + 1))
    assert {frame["run_id"] for frame in frames} == {stream.run_id}


async def test_every_cursor_gives_exactly_the_rest(alice: Client):
    run_id, told = await finished(alice)
    for after in range(len(told) + 1):
        async with alice.follow(run_id, f"?after={after}") as stream:
            assert [frame.data for frame in await stream.rest()] == told[after:]


async def test_the_header_counts_more_than_the_query(alice: Client):
    run_id, told = await finished(alice)
    async with alice.follow(run_id, "?after=0", Last_Event_ID=f"{run_id}:3") as stream:
        assert [frame.data for frame in await stream.rest()] == told[3:]


async def test_pages_of_events_lead_to_the_end(alice: Client):
    run_id, told = await finished(alice)
    pages, after = [], 0
    while after is not None:
        page = (
            await alice.get(f"/runs/{run_id}/events?after={after}&limit=2", headers={"Accept": "application/json"})
        ).json
        assert (page["run_id"], page["status"]) == (run_id, "completed")
        assert len(page["events"]) <= 2
        pages += page["events"]
        after = page["next"]
    assert [event["seq"] for event in pages] == list(range(1, len(told) + 1))


@on_sqlite
async def test_the_weights_of_what_a_client_accepts_choose_between_a_page_and_a_stream(alice: Client):
    run_id, _ = await finished(alice)
    for accept, content_type in (
        ("text/event-stream;q=0.5, application/json", "application/json"),
        ("application/json;q=0.5, text/event-stream", "text/event-stream; charset=utf-8"),
        ("application/json, text/event-stream", "text/event-stream; charset=utf-8"),
    ):
        answer = await alice.get(f"/runs/{run_id}/events", headers={"Accept": accept})
        assert answer.headers["Content-Type"] == content_type


async def test_a_page_of_a_running_run_says_where_to_go_on(alice: Client):
    async with alice.stream("stall:1") as stream:
        seen = await stream.until("chat_chunk")
        page = (await alice.get(f"/runs/{stream.run_id}/events", headers={"Accept": "application/json"})).json
        assert (page["status"], page["next"]) == ("running", seen[-1].seq)
    await alice.post(f"/runs/{stream.run_id}/cancel")


@pytest.mark.parametrize("path", ["/runs/{run}/events?after=99", "/runs/{run}/events?after=7"])
async def test_a_cursor_in_the_future_is_refused(alice: Client, path):
    run_id, _ = await finished(alice)
    refused = await alice.get(path.format(run=run_id))
    assert (refused.status, refused.code) == (400, "invalid_request")
    assert "ahead" in refused.error["message"]


async def test_a_future_cursor_is_refused_in_headers_and_on_sockets_too(alice: Client):
    run_id, _ = await finished(alice)
    refused = await alice.post("/chat/stream", {"message": "say:Hi"}, headers={"Last-Event-ID": f"{run_id}:99"})
    assert (refused.status, refused.code) == (400, "invalid_request")
    async with alice.socket() as socket:
        await socket.send("resume", {"run_id": run_id, "after": 99})
        assert (await socket.receive())["data"]["error_code"] == "invalid_request"


@on_sqlite
@pytest.mark.parametrize("after", ["-1", "one", "1.5", "1e3", "٣", "9" * 30, "0x10", " 1", "1;2", "null", "%00"])
async def test_a_cursor_that_is_no_number_is_refused(alice: Client, after):
    run_id, _ = await finished(alice)
    refused = await alice.get(f"/runs/{run_id}/events?after={after}")
    assert (refused.status, refused.code) == (400, "invalid_request")


@on_sqlite
@pytest.mark.parametrize(
    "header", ["garbage", ":", "1:2:3", "{run}", "{run}:", "{run}:-1", "{run}:x", "{run}:1e3", "../x:1"]
)
async def test_a_last_event_id_that_is_none_is_refused(alice: Client, server, header):
    run_id, _ = await finished(alice)
    before = counts(server)
    named = {"Last-Event-ID": header.format(run=run_id)}
    for refused in (
        await alice.get(f"/runs/{run_id}/events", headers=named),
        await alice.post("/chat/stream", {"message": "say:Hi"}, headers=named),
    ):
        assert (refused.status, refused.code) == (400, "invalid_request")
    assert counts(server) == before


async def test_the_cursor_of_another_run_is_refused(alice: Client):
    first, _ = await finished(alice)
    second, _ = await finished(alice)
    refused = await alice.get(f"/runs/{first}/events", headers={"Last-Event-ID": f"{second}:1"})
    assert (refused.status, refused.code) == (404, "not_found")


async def test_events_that_are_no_longer_kept_are_410_and_the_messages_stay(alice: Client, server):
    answer = (await alice.ask("say:Kept", headers={"Idempotency-Key": "old"})).json
    execute(server, "DELETE FROM chat_runevent WHERE run_id = ?", key(server, answer["run_id"]))
    execute(server, "UPDATE chat_run SET events_pruned = ? WHERE id = ?", True, key(server, answer["run_id"]))
    where = f"/runs/{answer['run_id']}/events"
    for refused in (
        await alice.get(where),
        await alice.get(f"{where}?after=1", headers={"Accept": "application/json"}),
        await alice.post("/chat/stream", {"message": "x"}, headers={"Last-Event-ID": f"{answer['run_id']}:1"}),
        await alice.post("/chat/stream", {"message": "say:Kept"}, headers={"Idempotency-Key": "old"}),
    ):
        assert (refused.status, refused.code) == (410, "cursor_expired")
    async with alice.socket() as socket:
        await socket.send("resume", {"run_id": answer["run_id"]})
        assert (await socket.receive())["data"]["error_code"] == "cursor_expired"
    messages = (await alice.get(refused.error["details"]["messages"])).json["results"]
    assert [message["content"] for message in messages] == ["say:Kept", "Kept"]
    assert (await alice.ask("say:Kept", headers={"Idempotency-Key": "old"})).json["response"] == "Kept"


@on_postgres
async def test_a_stream_goes_on_at_the_other_process(alice: Client, other):
    async with alice.stream(LONG) as first:
        seen = await first.until("chat_chunk")
    there = alice.at(other)
    async with there.stream(LONG, headers={"Last-Event-ID": seen[-1].id}) as second:
        rest = await second.rest()
    assert second.run_id == first.run_id
    assert [frame.seq for frame in [*seen, *rest]] == list(range(1, rest[-1].seq + 1))
    async with there.socket() as socket:
        await socket.send("resume", {"run_id": first.run_id, "after": 1})
        frames = await socket.until("chat_complete")
    assert [frame["seq"] for frame in frames] == list(range(2, rest[-1].seq + 1))


@on_postgres
async def test_the_other_process_answers_a_waiting_request_with_the_whole_answer(alice: Client, other):
    body = {"Idempotency-Key": "both"}
    here, there = await asyncio.gather(
        alice.ask("paced:20:15", headers=body), alice.at(other).ask("paced:20:15", headers=body)
    )
    assert here.json == there.json


async def test_a_replay_of_a_large_answer_is_complete(alice: Client):
    await alice.post("/agents/parrot", {"tools": ["repeat"]})
    message = uses(*[("repeat", {"text": f"{number}é", "times": 40_000}) for number in range(9)])
    async with alice.stream(message, agent_name="parrot") as stream:
        told = await stream.rest()
    assert sum(len(frame.data) for frame in told) > 1_000_000
    async with alice.follow(stream.run_id) as replay:
        assert [frame.data for frame in await replay.rest()] == [frame.data for frame in told]
    page = (await alice.get(f"/runs/{stream.run_id}/events?limit=1000", headers={"Accept": "application/json"})).json
    assert (len(page["events"]) < len(told), page["next"]) == (True, page["events"][-1]["seq"])
