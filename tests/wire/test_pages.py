"""Health, the schema and its pages, and the headers of everything."""

import re

import pytest

from tests.wire.client import Client
from tests.wire.profiles import on_sqlite


async def test_health_says_what_runs(nobody: Client):
    told = (await nobody.get("/health")).json
    assert told["status"] == "healthy"
    assert told["version"]
    assert {"calculate", "get_weather", "get_time", "search_web", "get_stock_price"} <= set(told["available_tools"])
    assert told["uptime_seconds"] > 0
    assert isinstance(told["active_connections"], int)
    assert (told["demo"], told["model"]) == (False, "scripted")
    assert set(told["checks"].values()) <= {"ok", "off"}


async def test_live_and_ready_say_yes(nobody: Client):
    assert (await nobody.get("/health/live")).json == {"status": "live"}
    ready = await nobody.get("/health/ready")
    assert (ready.status, ready.json["status"]) == (200, "ready")


@on_sqlite
@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_pages_of_the_schema_ask_no_other_host(nobody: Client, path):
    page = await nobody.get(path)
    assert (page.status, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert linked
    for address in linked:
        assert not re.match(r"(https?:)?//", address), address
        if address.startswith("/"):
            assert (await nobody.get(address)).status == 200, address
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


@on_sqlite
async def test_the_schema_names_every_route_and_event(nobody: Client):
    answer = await nobody.get("/openapi.json")
    schema = answer.json
    assert schema["openapi"].startswith("3.1")
    assert {"/chat", "/chat/stream", "/runs/{run_id}", "/runs/{run_id}/events", "/runs/{run_id}/cancel", "/agents",
            "/agents/{agent_name}", "/tools", "/health", "/conversations", "/conversations/{conversation_id}/messages"
            } <= set(schema["paths"])  # fmt: skip
    events = set(schema["components"]["schemas"]["Event"]["discriminator"]["mapping"])
    assert {"chat_chunk", "tool_call_start", "tool_call_complete", "tool_call_error", "chat_complete", "error",
            "run_started", "run_resumed", "reasoning_chunk", "chat_cancelled"} <= events  # fmt: skip


@on_sqlite
async def test_the_chat_page_is_served_to_this_machine(nobody: Client):
    page = await nobody.get("/")
    assert page.status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


@on_sqlite
@pytest.mark.parametrize("path", ["/", "/health", "/chat", "/nowhere", "/docs", "/admin/login/", "/static/nothing.js"])
async def test_every_answer_carries_the_headers_that_protect(nobody: Client, path):
    headers = (await nobody.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert {"default-src 'none'", "frame-ancestors 'none'", "script-src 'self'"} <= set(
        headers["Content-Security-Policy"].split("; ")
    )
    assert headers["X-Request-Id"]


@on_sqlite
@pytest.mark.parametrize("given", ["abc-123", "A.b_c", "x" * 64])
async def test_the_clients_request_id_comes_back(nobody: Client, given):
    answer = await nobody.get("/nowhere", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given == answer.error["request_id"]


@on_sqlite
@pytest.mark.parametrize("given", ["", "x" * 65, "with space", "semi;colon", "<script>", "é"])
async def test_a_request_id_that_could_do_harm_is_replaced(nobody: Client, given):
    answer = await nobody.get("/nowhere", headers={"X-Request-Id": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert answer.error["request_id"] == answer.headers["X-Request-Id"]


@on_sqlite
async def test_answers_of_the_api_are_not_kept_by_caches(nobody: Client):
    for path in ("/health", "/agents", "/conversations", "/nowhere"):
        assert (await nobody.get(path)).headers["Cache-Control"] == "no-store"


@on_sqlite
async def test_a_person_who_is_lost_gets_a_page_and_a_program_gets_json(nobody: Client):
    page = await nobody.get("/nowhere", headers={"Accept": "text/html"})
    assert (page.status, page.headers["Content-Type"].partition(";")[0]) == (404, "text/html")
    assert (await nobody.get("/nowhere")).code == "not_found"


@on_sqlite
async def test_the_icon_that_browsers_ask_for_is_the_pages_own(nobody: Client):
    asked = await nobody.get("/favicon.ico")
    assert (asked.status, asked.headers["Cache-Control"]) == (302, "max-age=86400")
    icon = await nobody.get(asked.headers["Location"])
    assert (icon.status, icon.headers["Content-Type"]) == (200, "image/svg+xml")


@on_sqlite
async def test_static_files_are_served_with_a_length_of_life(nobody: Client):
    answer = await nobody.get("/static/chat/chat.js")
    assert answer.status == 200
    assert "max-age" in answer.headers["Cache-Control"]
    again = await nobody.get("/static/chat/chat.js", headers={"If-Modified-Since": answer.headers["Last-Modified"]})
    assert (again.status, again.body) == (304, b"")
    assert (await nobody.get("/static/../manage.py")).status in {400, 404}
    assert (await nobody.get("/static/%2e%2e/manage.py")).status in {400, 404}
