"""`POST /chat/stream`: the bytes of Server-Sent Events."""

import asyncio
import json
import re

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.scripts import says, script, uses

RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
GOLDEN = """\
retry: 2000

id: RUN:1
data: {"event_type":"run_started","run_id":"RUN","conversation_id":"CONVERSATION","agent_name":"default",\
"model":"scripted","seq":1,"timestamp":"TIME"}

id: RUN:2
data: {"event_type":"tool_call_start","tool_call":{"id":"c0","name":"calculate",\
"arguments":{"expression":"15 + 27"},"status":"executing","result":null,"error":null,"execution_time_ms":null},\
"seq":2,"timestamp":"TIME"}

id: RUN:3
data: {"event_type":"tool_call_complete","tool_call":{"id":"c0","name":"calculate",\
"arguments":{"expression":"15 + 27"},"status":"completed","result":{"expression":"15 + 27","result":42},\
"error":null,"execution_time_ms":MS},"seq":3,"timestamp":"TIME"}

id: RUN:4
data: {"event_type":"chat_chunk","content":"It is 42.","seq":4,"timestamp":"TIME"}

id: RUN:5
data: {"event_type":"chat_complete","final_response":"It is 42.","total_tool_calls":1,"run_id":"RUN",\
"conversation_id":"CONVERSATION","finish_reason":"stop",\
"usage":{"input_tokens":20,"output_tokens":10,"estimated":false},"duration_ms":MS,"first_token_ms":MS,\
"seq":5,"timestamp":"TIME"}

"""


async def raw_stream(client: Client, message: str) -> tuple[bytes, list[bytes]]:
    """The head of the response, and its HTTP chunks as the server wrote them."""
    body = json.dumps({"message": message}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    head = "POST /chat/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    head += f"Content-Length: {len(body)}\r\nAuthorization: {client.headers['Authorization']}\r\n\r\n"
    writer.write(head.encode() + body)
    received = await reader.readuntil(b"\r\n\r\n")
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    writer.close()
    await writer.wait_closed()
    return received, chunks


def normal(text: str) -> str:
    """The stream with its ids, times and durations replaced by names."""
    ids = dict.fromkeys(match[0] for match in RUN.finditer(text))
    for name, identifier in zip(("RUN", "CONVERSATION"), ids, strict=True):
        text = text.replace(identifier, name)
    text = re.sub(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"', '"TIME"', text)
    return re.sub(r'_ms":\d+', '_ms":MS', text)


async def test_the_bytes_of_a_stream_are_these(alice: Client):
    _, chunks = await raw_stream(alice, uses(("calculate", {"expression": "15 + 27"}), then="It is 42."))
    assert normal(b"".join(chunks).decode()) == GOLDEN


async def test_every_write_holds_whole_frames(alice: Client):
    _, chunks = await raw_stream(alice, "paced:40:5")
    assert len(chunks) > 3
    for chunk in chunks:
        assert chunk.endswith(b"\n\n")
        for line in chunk.split(b"\n"):  # what the browser's example does with each read
            if line.startswith(b"data: "):
                json.loads(line[6:])


@on_sqlite
async def test_the_headers_are_those_of_the_contract(alice: Client):
    async with alice.stream() as stream:
        await stream.rest()
    assert stream.status == 200
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["Cache-Control"] == "no-cache, no-transform, no-store"
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert stream.headers["Content-Encoding"] == "identity"
    assert "Content-Length" not in stream.headers
    assert stream.retry == "2000"
    assert RUN.fullmatch(stream.run_id)
    assert RUN.fullmatch(stream.conversation_id)


@on_sqlite
async def test_what_the_client_accepts_changes_nothing(alice: Client):
    for accept in ("text/event-stream", "application/json", "*/*", "text/html", "garbage"):
        async with alice.stream("say:Hello", headers={"Accept": accept, "Accept-Encoding": "gzip, br"}) as stream:
            assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert stream.headers["Content-Encoding"] == "identity"
            assert (await stream.rest())[-1].type == "chat_complete"


async def test_numbers_count_from_one_without_gaps(alice: Client):
    async with alice.stream("burst:500") as stream:
        frames = await stream.rest()
    assert [frame.id for frame in frames] == [f"{stream.run_id}:{number}" for number in range(1, len(frames) + 1)]
    assert [frame.event["seq"] for frame in frames] == [frame.seq for frame in frames]
    times = [frame.event["timestamp"] for frame in frames]
    assert times == sorted(times)


async def test_pieces_of_text_make_up_the_answer(alice: Client):
    frames = await alice.tell("paced:30:4")
    chunks = [frame.event["content"] for frame in frames if frame.type == "chat_chunk"]
    assert 1 < len(chunks) <= 30
    assert "".join(chunks) == frames[-1].event["final_response"] == "".join(f"t{number} " for number in range(30))


async def test_pieces_that_come_alone_are_told_one_by_one(alice: Client):
    """They come further apart than two gather windows."""
    pieces = [f"t{number} " for number in range(12)]
    frames = await alice.tell("paced:12:100")
    chunks = [frame.event["content"] for frame in frames if frame.type == "chat_chunk"]
    assert "".join(chunks) == frames[-1].event["final_response"] == "".join(pieces)
    assert len(chunks) > len(pieces) / 2  # all of them, unless the machine is very busy
    run = (await alice.get(f"/runs/{frames[0].event['run_id']}")).json
    assert run["status"] == "completed"


async def test_text_comes_while_the_model_still_speaks(alice: Client):
    async with alice.stream(script({"text": "First"}, {"delay": 0.6}, *says(" second"))) as stream:
        frames = await stream.until("chat_chunk")
        running = (await alice.get(f"/runs/{stream.run_id}")).json
        assert (frames[-1].event["content"], running["status"]) == ("First", "running")
        assert (await stream.rest())[-1].event["final_response"] == "First second"


async def test_reasoning_is_told_beside_the_answer(alice: Client):
    frames = await alice.tell(script({"reasoning": "Hm."}, *says("Yes.")))
    assert [frame.type for frame in frames] == ["run_started", "reasoning_chunk", "chat_chunk", "chat_complete"]
    assert frames[1].event["content"] == "Hm."
    assert frames[-1].event["final_response"] == "Yes."


async def test_a_provider_that_fails_at_first_is_asked_again_and_this_is_told(alice: Client):
    frames = await alice.tell("status:500")
    assert [frame.type for frame in frames] == ["run_started", "model_retry", "error"]
    assert frames[1].event["attempt"] == 2
    assert frames[1].event["error_code"] == "model_unavailable"
    assert frames[1].event["delay_ms"] > 0


async def test_line_ends_in_a_text_stay_inside_their_frame(alice: Client):
    text = "one\ntwo\r\nthree\n\ndata: four"
    frames = await alice.tell(script(*says(text)))
    assert frames[-1].event["final_response"] == text
