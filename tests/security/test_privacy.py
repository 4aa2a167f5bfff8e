"""What is deleted is gone, from every table, also while a run is writing it."""

import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.product import PROFILES, Product, Products
from tests.security.database import everything
from tests.wire.client import Client
from tests.wire.conftest import session
from tests.wire.rows import make_key, make_user

__all__ = ["session"]
WORDS = "pineapple-under-the-sea"
ANSWER = "absorbent-and-yellow"


@pytest.fixture(scope="module", params=PROFILES)
def server(request: pytest.FixtureRequest, products: Products, provider: str) -> Iterator[Product]:
    server = products.serve(request.param, OPENAI_BASE_URL=provider, DRAIN_SECONDS=2)
    yield server
    assert server.stop() == 0


def person(server: Product, session: aiohttp.ClientSession, name: str = "") -> Client:
    return Client(server, session, {"Authorization": f"Bearer {make_key(server, name or make_user(server))}"})


def with_a_tool_call() -> str:
    call = {"name": "calculate", "arguments": json.dumps({"expression": "1+1", "note": WORDS})}
    calls = {"tool_calls": [{"index": 0, "id": "c0", "function": call}]}
    end = {"done": True}
    return json.dumps(
        {"turns": [[calls, {"finish": "tool_calls"}, end], [{"text": [ANSWER]}, {"finish": "stop"}, end]]}
    )


async def test_a_deleted_conversation_is_gone_from_every_table(server: Product, session):
    dora = person(server, session)
    told = await dora.tell(with_a_tool_call())
    await dora.ask(f"say:{WORDS}", headers={"Idempotency-Key": WORDS})
    await dora.ask(f"status:400 {WORDS}")
    conversation = told[0].event["conversation_id"]
    await dora.send("PATCH", f"/conversations/{conversation}", {"title": WORDS})
    for text in (WORDS, ANSWER):
        assert text in everything(server)
    assert (await dora.send("DELETE", f"/conversations/{conversation}")).status == 204
    left = everything(server)
    for text in (WORDS, ANSWER, conversation, conversation.replace("-", "")):
        assert text not in left


async def test_a_conversation_whose_run_is_writing_is_gone_too(server: Product, session):
    dora = person(server, session)
    async with dora.stream("paced:500:20") as stream:
        await stream.until("chat_chunk")
        assert (await dora.send("DELETE", f"/conversations/{stream.conversation_id}")).status == 204
        run_id = stream.run_id
    left = everything(server)
    assert run_id not in left
    assert run_id.replace("-", "") not in left


async def test_a_user_is_told_everything_and_then_forgotten(server: Product, session, tmp_path: Path):
    name = make_user(server)
    emil, alice = person(server, session, name), Client(server, session, server.bearer("alice"))
    secret = emil.headers["Authorization"].partition(".")[2]
    await emil.tell(with_a_tool_call())
    await alice.ask("say:untouched")
    server.manage("export_user", name, "--to", str(tmp_path / "export"))
    files = {path.stem: path.read_text() for path in (tmp_path / "export").iterdir()}
    assert WORDS in files["messages"]
    assert ANSWER in files["events"]
    assert secret not in "".join(files.values())
    async with emil.stream("paced:3000:20", reset_history=True) as stream:
        await stream.until("chat_chunk")
        assert f"{name} is gone" in server.manage("delete_user", name, "--yes")
        # The run is stopped and the key has ended: the reader is told of the first, unless the second closed it before.
        told = {event.type for event in await stream.rest()}
        assert told
        assert told <= {"chat_chunk", "chat_cancelled"}
        run_id = stream.run_id
    left = everything(server)
    for text in (WORDS, ANSWER, name, run_id, run_id.replace("-", "")):
        assert text not in left
    assert "untouched" in left
    assert (await emil.get("/conversations")).status == 401
