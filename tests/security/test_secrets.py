"""Canaries: secrets of the environment occur in no answer, log line, event, row or error page, at DEBUG too."""

import html
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.product import Product, Products, run
from tests.security.database import everything
from tests.security.echoing_provider import EchoingProvider, echoing_provider
from tests.wire.client import Answer, Client
from tests.wire.conftest import session
from tests.wire.rows import execute

__all__ = ["session"]
CANARIES = {
    "OPENAI_API_KEY": "sk-canary-of-the-first-provider",
    "MODEL_PROVIDER_OTHER_API_KEY": "sk-canary-of-the-other-provider",
    "SECRET_KEY": "canary-of-the-secret-key-0123456789-abcdefghijklmnopqrstuvwxyz",
    "DATABASE_URL": "canary-of-the-database",
    "REDIS_URL": "canary-of-redis",
}
PASSWORD = "canary-of-the-password"
MAKE_ROOT = f'import django.contrib.auth as a; a.get_user_model().objects.create_superuser("root", "", {PASSWORD!r})'
PAGES = 120  # of the admin, at most


class Everybody(Client):
    """A client that remembers every answer."""

    answers: list[Answer]

    async def send(self, *args: object, **options: object) -> Answer:
        answer = await super().send(*args, **options)  # type: ignore[arg-type]
        self.answers.append(answer)
        return answer


@pytest.fixture(scope="module")
def provider() -> Iterator[EchoingProvider]:
    with echoing_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(products: Products, provider: EchoingProvider) -> Iterator[Product]:
    """On PostgreSQL and Valkey with passwords in their URLs, and as talkative as can be."""
    first = products.launch("postgres")  # for its database and its Valkey alone
    first.kill()
    urls = {
        "DATABASE_URL": first.state.database_url.replace("postgres@", f"postgres:{CANARIES['DATABASE_URL']}@"),
        "REDIS_URL": first.state.redis_url.replace("//", f"//default:{CANARIES['REDIS_URL']}@"),
    }
    server = products.serve(
        "postgres",
        beside=first,
        DEBUG=1,
        LOG_LEVEL="DEBUG",
        OPENAI_BASE_URL=provider.url,
        MODEL_PROVIDERS="other",
        MODEL_PROVIDER_OTHER_BASE_URL=provider.url,
        MODEL_MAX_RETRIES=1,
        **{**CANARIES, **urls},
    )
    run(server.environment, "manage.py", "shell", "--verbosity", "0", "-c", MAKE_ROOT)
    yield server
    assert server.stop() == 0


def of_client(client: Client) -> Everybody:
    listening = Everybody(client.server, client.session, client.headers)
    listening.answers = []
    return listening


@pytest.fixture
def alice(server: Product, session: aiohttp.ClientSession) -> Everybody:
    return of_client(Client(server, session, server.bearer("alice")))


async def root(server: Product, session: aiohttp.ClientSession) -> Everybody:
    """An administrator, signed in."""
    nobody = Client(server, session, {})
    token = cookie(await nobody.get("/accounts/login/"), "csrftoken")
    headers = {"Cookie": f"csrftoken={token}", "Content-Type": "application/x-www-form-urlencoded"}
    for password in ("wrong", PASSWORD):
        form = urlencode({"username": "root", "password": password, "csrfmiddlewaretoken": token}).encode()
        done = await nobody.post("/accounts/login/", form, headers=headers)
    assert done.status == 302
    cookies = f"sessionid={cookie(done, 'sessionid')}; csrftoken={cookie(done, 'csrftoken')}"
    return of_client(Client(server, session, {"Cookie": cookies, "Accept": "text/html"}))


def cookie(answer: Answer, name: str) -> str:
    lines = answer.headers.getall("Set-Cookie")  # type: ignore[attr-defined]
    return next(match[1] for line in lines if (match := re.match(rf"{name}=([^;]+)", line)))


def assert_untold(*texts: str) -> None:
    for text in texts:
        for name, canary in CANARIES.items():
            assert canary not in text, f"{name} is told: {text[max(0, text.index(canary) - 300) :][:600]}"


def shown(client: Everybody) -> str:
    return "\n".join(f"{dict(answer.headers)} {answer.body.decode()}" for answer in client.answers)


@pytest.mark.parametrize("agent", ["default", "of_the_other"])
async def test_a_provider_that_repeats_its_key_tells_it_to_nobody(server, provider, alice: Everybody, agent: str):
    await alice.post("/agents/of_the_other", {"provider": "other"})
    for message in ("401", "400", "404", "429", "500", "break", "hello"):
        await alice.ask(message, agent_name=agent, reset_history=True)
        frames = await alice.tell(message, agent_name=agent, reset_history=True)
        assert_untold(b"".join(frame.data for frame in frames).decode())
    key = CANARIES["OPENAI_API_KEY" if agent == "default" else "MODEL_PROVIDER_OTHER_API_KEY"]
    assert provider.seen[-1][0]["authorization"] == f"Bearer {key}"
    assert "answered HTTP 401" in server.log
    assert_untold(shown(alice), server.log, everything(server))


async def test_no_route_tells_a_secret(server: Product, alice: Everybody):
    schema = (await alice.get("/openapi.json")).json
    started = (await alice.tell("hello"))[0].event
    ids = {"conversation_id": started["conversation_id"], "run_id": started["run_id"], "agent_name": "default"}
    for path, methods in schema["paths"].items():
        for method in methods:
            known = path.format_map(defaultdict(lambda: "unknown", ids if method == "get" else {}))
            for body in (None,) if method == "get" else ({}, {"message": "hello"}, b"{broken"):
                await alice.send(method.upper(), known, body)
    assert len(alice.answers) > 30
    assert_untold(shown(alice), server.log)


async def test_no_page_of_the_admin_tells_a_secret(server: Product, session):
    admin = await root(server, session)
    todo, done = ["/admin/", "/", "/docs", "/redoc", "/nowhere", "/static/nothing.css", "/admin/nowhere/"], set()
    while todo and len(done) < PAGES:
        path = todo.pop(0)
        done.add(path)
        page = (await admin.get(path)).body.decode()
        links = {html.unescape(link).partition("#")[0] for link in re.findall(r'href="(/admin/[^"]*)"', page)}
        todo += sorted(link for link in links if "logout" not in link and link not in done and link not in todo)
    assert sum(answer.status == 200 for answer in admin.answers) > 30
    assert_untold(shown(admin), server.log, everything(server))
    assert PASSWORD not in server.log
    assert PASSWORD not in everything(server)


async def test_no_error_page_tells_a_secret_nor_what_people_write(server: Product, alice: Everybody, session):
    """The page for developers shows settings, frames and their variables."""
    admin = await root(server, session)
    await alice.ask("words-of-alice")
    execute(server, "ALTER TABLE chat_conversation RENAME TO away")
    try:
        page = await admin.get("/admin/chat/conversation/")
        broken = await alice.get("/conversations")
        refused = await alice.ask("words-of-alice")
    finally:
        execute(server, "ALTER TABLE away RENAME TO chat_conversation")
    assert page.status == 500
    assert b"MODEL_PROVIDERS" in page.body  # it is Django's own
    assert broken.status == 500
    assert broken.json["error"].keys() == {"code", "message", "request_id"}
    assert refused.status == 500
    assert "UndefinedTable" in server.log
    assert_untold(shown(admin), shown(alice), server.log)
    secret = server.keys["alice"].partition(".")[2]
    for text in ("words-of-alice", secret, admin.headers["Cookie"].partition("=")[2].partition(";")[0]):
        assert text not in server.log


async def test_callers_credentials_are_not_in_the_database(server: Product, alice: Everybody):
    await alice.ask("hello")
    assert server.keys["alice"].partition(".")[2] not in everything(server)


def test_a_secret_may_stand_in_a_file_of_its_own(products: Products, server: Product, tmp_path):
    files = {}
    for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY"):
        (tmp_path / name).write_text(f"{server.environment[name]}\n")
        files |= {f"{name}_FILE": str(tmp_path / name), name: ""}
    beside = products.serve("postgres", beside=server, **files)
    with_settings = run(beside.environment, "manage.py", "shell", "--verbosity", "0", "-c", READ_SETTINGS)
    assert json.loads(with_settings) == [CANARIES[name] for name in ("SECRET_KEY", "DATABASE_URL", "OPENAI_API_KEY")]


READ_SETTINGS = """
import json
from django.conf import settings as s
print(json.dumps([s.SECRET_KEY, s.DATABASES["default"]["PASSWORD"], s.MODEL_PROVIDERS["default"]["api_key"]]))
"""
