"""Alice, Bob and Charlie: what one owns, the others cannot tell from what does not exist."""

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.rows import counts

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture
async def alices(alice: Client) -> dict[str, str]:
    """An ended run of Alice's, and its conversation."""
    told = (await alice.ask("say:A secret")).json
    return {"run": told["run_id"], "conversation": told["conversation_id"]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/runs/{run}", None),
        ("GET", "/runs/{run}/events", None),
        ("GET", "/runs/{run}/events?after=1", None),
        ("GET", "/runs/{run}/events?after=99", None),
        ("POST", "/runs/{run}/cancel", None),
        ("GET", "/conversations/{conversation}", None),
        ("GET", "/conversations/{conversation}/messages", None),
        ("PATCH", "/conversations/{conversation}", {"title": "Mine"}),
        ("DELETE", "/conversations/{conversation}", None),
    ],
)
async def test_another_persons_id_answers_like_an_unknown_one(alices, bob: Client, server, method, path, body):
    before = counts(server)
    hers = await bob.send(method, path.format(**alices), body)
    unknown = await bob.send(method, path.format(run=UNKNOWN, conversation=UNKNOWN), body)
    assert (hers.status, hers.code) == (404, "not_found")
    assert hers.without_request_id() == unknown.without_request_id()
    told, expected = (
        {name: value for name, value in answer.headers.items() if name.lower() not in {"date", "x-request-id"}}
        for answer in (hers, unknown)
    )
    assert told == expected
    assert counts(server) == before


@pytest.mark.parametrize("path", ["/chat", "/chat/stream"])
async def test_another_persons_conversation_in_a_body_is_an_unknown_one(alices, bob: Client, server, path):
    before = counts(server)
    for extra in ({}, {"reset_history": True}, {"agent_name": "default"}):
        hers = await bob.post(path, {"message": "say:Hi", "conversation_id": alices["conversation"], **extra})
        unknown = await bob.post(path, {"message": "say:Hi", "conversation_id": UNKNOWN, **extra})
        assert (hers.status, hers.code) == (404, "not_found")
        assert hers.without_request_id() == unknown.without_request_id()
    assert counts(server) == before


async def test_another_persons_run_in_last_event_id_is_an_unknown_one(alices, bob: Client):
    for where in ("/chat/stream", f"/runs/{alices['run']}/events", f"/runs/{UNKNOWN}/events"):
        method, body = ("POST", {"message": "say:Hi"}) if where == "/chat/stream" else ("GET", None)
        for seq in (0, 1, 99):
            hers = await bob.send(method, where, body, headers={"Last-Event-ID": f"{alices['run']}:{seq}"})
            unknown = await bob.send(method, where, body, headers={"Last-Event-ID": f"{UNKNOWN}:{seq}"})
            assert (hers.status, hers.code) == (404, "not_found")
            assert hers.without_request_id() == unknown.without_request_id()


async def test_another_persons_ids_in_frames_are_unknown_ones(alices, bob: Client):
    async with bob.socket() as socket:
        for kind, data in (
            ("resume", {"run_id": "{run}"}),
            ("resume", {"run_id": "{run}", "after": 99}),
            ("cancel", {"run_id": "{run}"}),
            ("chat", {"message": "say:Hi", "conversation_id": "{conversation}"}),
        ):
            told = []
            for ids in (alices, {"run": UNKNOWN, "conversation": UNKNOWN}):
                filled = {
                    name: value.format(**ids) if isinstance(value, str) else value for name, value in data.items()
                }
                await socket.send(kind, filled)
                told.append(await socket.text())
            assert told[0] == told[1]
            assert '"error_code":"not_found"' in told[0]


async def test_another_persons_running_answer_cannot_be_stopped(alice: Client, bob: Client):
    async with alice.stream("paced:40:10") as stream:
        await stream.until("chat_chunk")
        assert (await bob.post(f"/runs/{stream.run_id}/cancel")).status == 404
        assert (await bob.send("DELETE", f"/conversations/{stream.conversation_id}")).status == 404
        assert (await stream.rest())[-1].type == "chat_complete"


async def test_lists_and_searches_hold_only_ones_own(alices, alice: Client, bob: Client):
    mine = (await bob.ask("say:A secret")).json["conversation_id"]
    for query in ("", "?search=secret"):
        assert [row["id"] for row in (await bob.get(f"/conversations{query}")).json["results"]] == [mine]
        assert [row["id"] for row in (await alice.get(f"/conversations{query}")).json["results"]] == [
            alices["conversation"]
        ]


@on_sqlite
async def test_a_cursor_of_one_persons_list_shows_nothing_of_it_to_another(alice: Client, bob: Client):
    for _ in range(3):
        await alice.ask("say:Hello", reset_history=True)
    cursor = (await alice.get("/conversations?limit=1")).json["next"]
    assert (await bob.get(f"/conversations?cursor={cursor}")).json["results"] == []


@on_sqlite
async def test_the_admins_pages_are_no_way_in(bob: Client):
    for path in ("/admin/", "/admin/chat/run/", "/admin/chat/apikey/"):
        answer = await bob.get(path)
        assert answer.status == 302
        assert answer.headers["Location"].startswith("/admin/login/")
