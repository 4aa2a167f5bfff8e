"""`POST /chat`: one answer in one piece."""

import uuid
from datetime import datetime

from tests.wire.client import Client
from tests.wire.scripts import calls, says, script, turns, uses

SUM = {"expression": "15 + 27", "result": 42}
TOOL_CALL_FIELDS = {"id", "name", "arguments", "status", "result", "error", "execution_time_ms"}
DECISION_FIELDS = {"decision", "decided_at"}  # where it is not an event


async def test_the_answer_has_the_fields_of_the_contract(alice: Client):
    answer = await alice.ask("say:Good morning")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    told = answer.json
    assert told["response"] == "Good morning"
    assert told["tool_calls"] == []
    assert uuid.UUID(told["conversation_id"])
    assert datetime.fromisoformat(told["timestamp"]).tzinfo is not None
    assert told["finish_reason"] == "stop"
    assert told["usage"] == {"input_tokens": 10, "output_tokens": 2, "estimated": False}
    assert (told["agent_name"], told["model"]) == ("default", "scripted")
    assert 0 <= told["first_token_ms"] <= told["duration_ms"]


async def test_the_headers_name_the_run_and_the_conversation(alice: Client):
    answer = await alice.ask("say:Hello")
    assert answer.headers["X-Run-Id"] == answer.json["run_id"]
    assert answer.headers["X-Conversation-Id"] == answer.json["conversation_id"]
    assert answer.headers["Cache-Control"] == "no-store"


async def test_tool_calls_come_back_with_arguments_result_and_time(alice: Client):
    told = (await alice.ask(uses(("calculate", {"expression": "15 + 27"}), then="It is 42."))).json
    assert told["response"] == "It is 42."
    (call,) = told["tool_calls"]
    assert set(call) == TOOL_CALL_FIELDS | DECISION_FIELDS
    assert (call["id"], call["name"], call["arguments"]) == ("c0", "calculate", {"expression": "15 + 27"})
    assert (call["status"], call["result"], call["error"]) == ("completed", SUM, None)
    assert isinstance(call["execution_time_ms"], int)


async def test_usage_is_summed_over_the_turns(alice: Client):
    told = (await alice.ask(uses(("calculate", {"expression": "1"})))).json
    assert told["usage"] == {"input_tokens": 20, "output_tokens": 10, "estimated": False}


async def test_text_of_all_turns_is_the_response(alice: Client):
    message = turns(calls(("get_time", {"timezone": "UTC"}), text="Let me look. "), says("There."))
    frames = await alice.tell(message)
    text = "".join(frame.event["content"] for frame in frames if frame.type == "chat_chunk")
    assert text == frames[-1].event["final_response"]
    assert (text.startswith("Let me look. "), text.endswith("There.")) == (True, True)


async def test_an_answer_cut_by_the_models_limit_says_so(alice: Client):
    told = (await alice.ask(script(*says("As far as", finish="length")))).json
    assert (told["response"], told["finish_reason"]) == ("As far as", "length")


async def test_a_provider_that_counts_nothing_is_estimated(alice: Client):
    told = (await alice.ask(script({"text": "Hello"}, {"finish": "stop"}, {"done": True}))).json
    assert told["usage"]["estimated"] is True
    assert told["usage"]["output_tokens"] > 0


async def test_unicode_survives_in_both_directions(alice: Client):
    text = "Grüße, 世界 🎉 – “quoted”  \u2028 end"
    told = (await alice.ask(script(*says(text)))).json
    assert told["response"] == text
    messages = (await alice.get(f"/conversations/{told['conversation_id']}/messages")).json["results"]
    assert messages[1]["content"] == text


async def test_the_run_can_be_looked_at_afterwards(alice: Client):
    told = (await alice.ask(uses(("calculate", {"expression": "2*3"})))).json
    run = (await alice.get(f"/runs/{told['run_id']}")).json
    assert run["status"] == "completed"
    assert run["conversation_id"] == told["conversation_id"]
    assert (run["attempt"], run["error"], run["finish_reason"]) == (1, None, "stop")
    assert run["usage"] == told["usage"]
    assert run["tool_call_count"] == 1
    assert run["tool_calls"] == told["tool_calls"]
    assert run["last_seq"] == len(await alice.events(told["run_id"]))
    assert run["created_at"] <= run["finished_at"]
