"""The servers that the other tests stand on: what they promise."""

import json
import socket
import urllib.request

import psycopg
import pytest

from tests.postgres import Postgres
from tests.product import Product, Serve
from tests.valkey import Valkey


def ask(server: Product, message: str, *, username: str = "alice") -> dict[str, object]:
    body = json.dumps({"message": message}).encode()
    headers = {"Content-Type": "application/json", **server.bearer(username)}
    with urllib.request.urlopen(urllib.request.Request(f"{server.url}/chat", body, headers), timeout=20) as answer:
        return dict(json.load(answer))


def test_the_shared_server_answers_with_what_the_message_scripts(server: Product) -> None:
    assert ask(server, "say:Good morning")["response"] == "Good morning"


def test_a_server_beside_another_sees_the_same_conversations(serve: Serve, provider: str) -> None:
    first = serve("postgres", OPENAI_BASE_URL=provider)
    second = serve("postgres", beside=first, OPENAI_BASE_URL=provider)
    told = ask(first, "say:one")
    assert ask(second, "say:two")["conversation_id"] == told["conversation_id"]


def test_a_killed_server_can_be_restarted_on_its_port_and_its_state(serve: Serve, provider: str) -> None:
    first = serve(OPENAI_BASE_URL=provider)
    told = ask(first, "say:one")
    first.kill()
    second = serve(beside=first, port=first.port, OPENAI_BASE_URL=provider)
    assert second.url == first.url
    assert ask(second, "say:two")["conversation_id"] == told["conversation_id"]


def test_a_new_api_key_works_at_once(server: Product) -> None:
    key = server.create_api_key("dora", "chat")
    request = urllib.request.Request(f"{server.url}/conversations", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["results"] == []


def test_a_database_made_from_a_template_holds_its_rows(postgres: Postgres) -> None:
    template = postgres.create_database()
    with psycopg.connect(postgres.url_of(template)) as connection:
        connection.execute("CREATE TABLE fruit AS SELECT 'apple' AS name")
    copy = postgres.create_database(template=template)
    with psycopg.connect(postgres.url_of(copy)) as connection:
        assert connection.execute("SELECT name FROM fruit").fetchall() == [("apple",)]


def test_valkey_comes_back_on_its_port_after_a_kill(valkey: Valkey) -> None:
    before = valkey.url
    valkey.kill()
    assert not valkey.process.is_running()
    valkey.start()
    assert (valkey.url, valkey.process.is_running()) == (before, True)


def test_the_test_process_cannot_reach_the_internet() -> None:
    with pytest.raises(PermissionError, match="tests stay on the loopback address"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
