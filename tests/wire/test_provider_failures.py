"""When the model fails: the run ends with a code, the text stays, and the conversation goes on."""

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite
from tests.wire.scripts import calls, script, turns

SECRET = "provider-internal-detail"


def status(number: int, **error: str) -> list[dict[str, object]]:
    return [
        {"status": number, "body": {"error": {"message": SECRET, "type": "x", "param": None, "code": None, **error}}}
    ]


SILENT: dict[str, tuple[str, str, int]] = {
    "silence": ("stall:0", "model_timeout", 504),
    "a cut before the first token": (script({"cut": "rst"}), "model_unavailable", 502),
    "a closed connection": (script({"cut": "fin"}), "model_unavailable", 502),
    "429": (script(*status(429)), "model_rate_limited", 503),
    "a used-up quota": (script(*status(429, code="insufficient_quota")), "model_rate_limited", 503),
    "500": (script(*status(500)), "model_unavailable", 502),
    "503": (script(*status(503)), "model_unavailable", 502),
    "401": (script(*status(401)), "model_error", 502),
    "403": (script(*status(403)), "model_error", 502),
    "404": (script(*status(404)), "model_error", 502),
    "400": (script(*status(400)), "model_error", 502),
    "a context that is too long": (script(*status(400, code="context_length_exceeded")), "context_too_long", 422),
    "a web page": (
        script({"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html>"}),
        "model_error",
        502,
    ),
    "an empty answer": (script({"status": 200, "body": ""}), "model_error", 502),
    "garbage": (script({"raw": f"data: {SECRET}\n\n"}), "model_error", 502),
    "an error inside the stream": (script({"chunk": {"error": {"message": SECRET, "code": 500}}}), "model_error", 502),
}
SPOKEN: dict[str, tuple[list[dict[str, object]], str]] = {
    "silence": ([{"stall": True}], "model_timeout"),
    "a cut": ([{"delay": 0.05}, {"cut": "rst"}], "model_error"),
    "a closed connection": ([{"delay": 0.05}, {"cut": "fin"}], "model_error"),
    "an end without a finish": ([], "model_error"),
    "garbage": ([{"delay": 0.05}, {"raw": "data: {not json\n\n"}], "model_error"),
    "an error inside the stream": ([{"delay": 0.05}, {"chunk": {"error": {"message": SECRET}}}], "model_error"),
}


async def holds(alice: Client, run_id: str, conversation: str, code: str, text: str) -> None:
    """The run has ended with the code and the text, and the next message is answered."""
    run = (await alice.get(f"/runs/{run_id}")).json
    assert (run["status"], run["error"]["code"]) == ("failed", code)
    events = await alice.events(run_id)
    assert events[-1]["event_type"] == "error"
    assert (events[-1]["error_code"], events[-1]["run_id"]) == (code, run_id)
    answer = (await alice.get(f"/conversations/{conversation}/messages")).json["results"][-1]
    assert answer["content"] == text
    assert (await alice.ask("say:Next", conversation_id=conversation)).json["response"] == "Next"


@pytest.mark.parametrize("what", SILENT)
async def test_a_model_that_never_speaks_ends_the_run_with_its_code(alice: Client, what):
    message, code, http = SILENT[what]
    failed = await alice.ask(message)
    assert (failed.status, failed.code) == (http, code)
    assert SECRET not in failed.body.decode()
    assert "Traceback" not in failed.body.decode()
    assert ("Retry-After" in failed.headers) == (http == 503)
    details = failed.error["details"]
    await holds(alice, details["run_id"], details["conversation_id"], code, "")


@pytest.mark.parametrize("what", SPOKEN)
async def test_a_model_that_fails_while_it_speaks_keeps_what_it_said(alice: Client, what):
    steps, code = SPOKEN[what]
    async with alice.stream(script({"text": "So far, "}, *steps)) as stream:
        frames = await stream.rest()
    last = frames[-1].event
    assert (last["event_type"], last["error_code"]) == ("error", code)
    assert SECRET not in last["error_message"]
    assert "".join(f.event["content"] for f in frames if f.type == "chat_chunk") == "So far, "
    await holds(alice, stream.run_id, stream.conversation_id, code, "So far, ")


async def test_post_chat_gives_the_codes_status_when_the_model_fails_halfway(alice: Client):
    failed = await alice.ask(script({"text": "So far, "}, {"delay": 0.05}, {"cut": "rst"}))
    assert (failed.status, failed.code) == (502, "model_error")


async def test_a_model_that_fails_after_tools_keeps_their_results(alice: Client):
    message = turns(calls(("calculate", {"expression": "6*7"}), text="Let me see."), status(401))
    failed = await alice.ask(message)
    details = failed.error["details"]
    run = (await alice.get(f"/runs/{details['run_id']}")).json
    assert run["tool_calls"][0]["result"]["result"] == 42
    await holds(alice, details["run_id"], details["conversation_id"], "model_error", "Let me see.")


async def test_the_last_failure_is_told_on_every_transport(alice: Client):
    async with alice.socket() as socket:
        frames = await socket.chat("status:401")
    assert frames[-1]["type"] == frames[-1]["data"]["event_type"] == "error"
    async with alice.follow(frames[0]["run_id"]) as stream:
        assert (await stream.rest())[-1].event == frames[-1]["data"]


@on_sqlite
async def test_a_provider_that_lies_about_its_numbers_does_no_harm(alice: Client):
    lies = [
        {"text": "Fine."},
        {"chunk": {"choices": "none"}},
        {"chunk": {"choices": []}},
        {"chunk": {"choices": [{"index": 0, "delta": {"content": None}}], "usage": {"prompt_tokens": "many"}}},
        {"finish": "stop"},
        {"chunk": {"choices": [], "usage": {"prompt_tokens": -5, "completion_tokens": 10**30}}},
        {"done": True},
    ]
    answer = await alice.ask(script(*lies))
    assert (answer.status, answer.json["response"], answer.json["usage"]["estimated"]) == (200, "Fine.", True)
    assert (await alice.ask("say:Next")).json["response"] == "Next"


@on_sqlite
async def test_what_providers_wrote_and_people_said_is_in_no_log(alice: Client, server):
    confidential = "the-word-that-nobody-may-log"
    for message in (
        f"say:{confidential}",
        script({"status": 401, "body": {"error": {"message": confidential}}}),
        script({"raw": f"data: {confidential}\n\n"}),
        script({"text": confidential}, {"cut": "rst"}),
    ):
        await alice.ask(message)
    await alice.post("/chat", f'{{"message": "{confidential}", "bad"'.encode())
    async with alice.socket() as socket:
        await socket.connection.send(f'{{"type": "{confidential}"}}')
        await socket.receive()
    assert confidential not in server.log
    assert SECRET not in server.log
