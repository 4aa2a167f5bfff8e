"""The product as its users meet it: `manage.py serve` in processes of its own, on a database of its own."""

import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

from tests.environment import product_environment
from tests.postgres import Postgres
from tests.processes import ROOT, Process, Processes, free_port, wait_until
from tests.valkey import Valkey

Profile = Literal["sqlite", "postgres"]
PROFILES: tuple[Profile, ...] = ("sqlite", "postgres")
PEOPLE = ("alice", "bob", "charlie")
SETTINGS: Mapping[str, object] = {
    "HOST": "127.0.0.1",
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "RATE_LIMIT_MESSAGES": "100000/min",
    "MAX_CONCURRENT_RUNS": 10_000,
    "MAX_OPEN_STREAMS": 10_000,
    "MAX_OPEN_SOCKETS": 10_000,
    "MAX_FRAMES_PER_SECOND": 1_000_000,
    "PYTHONUNBUFFERED": 1,
}


def run(environment: Mapping[str, str], *arguments: str) -> str:
    """What a Python process prints; fails with all of it when the process does."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


class Serve(Protocol):
    """The signature of `Products.serve`, which the fixture `serve` hands out."""

    def __call__(
        self,
        profile: Profile = "sqlite",
        *,
        beside: "Product | None" = None,
        port: int | None = None,
        **settings: object,
    ) -> "Product": ...


@dataclass(frozen=True)
class State:
    """Where processes of one cluster keep things, and the API keys of the people who are there from the start."""

    database_url: str
    redis_url: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    valkey: Valkey | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@dataclass(frozen=True)
class Product:
    """One running server process. `keys` holds an API key of alice, bob and charlie each, with every scope."""

    process: Process
    port: int
    state: State
    environment: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where a client on this machine finds it."""
        return {"::": "::1"}.get(self.environment["HOST"], self.environment["HOST"])

    @property
    def authority(self) -> str:
        """Host and port, as they stand in a client's URL."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    @property
    def websocket_url(self) -> str:
        return f"ws://{self.authority}/ws"

    @property
    def keys(self) -> Mapping[str, str]:
        return self.state.keys

    @property
    def valkey(self) -> Valkey:
        assert self.state.valkey is not None, "a server on SQLite has no Valkey"
        return self.state.valkey

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.process.log

    def bearer(self, username: str) -> dict[str, str]:
        """The header that makes a request that person's."""
        return {"Authorization": f"Bearer {self.keys[username]}"}

    def create_api_key(self, username: str, *scopes: str) -> str:
        """A new key, by default with the scope `chat`; the user is made at need."""
        return self.manage(
            "create_api_key", username, *(part for scope in scopes for part in ("--scope", scope))
        ).strip()

    def manage(self, *arguments: str) -> str:
        """What a management command prints, run beside the server."""
        return run(self.environment, "manage.py", *arguments)

    def stop(self, *, seconds: float = 30) -> int:
        """SIGTERM; the exit code."""
        return self.process.stop(seconds=seconds)

    def kill(self) -> None:
        self.process.kill()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def wait_until_ready(self, *, seconds: float = 90) -> None:
        wait_until(
            lambda: not self.process.is_running() or self.is_ready(),
            seconds=seconds,
            otherwise=lambda: f"the server is not ready after {seconds} s:\n{self.log}",
        )
        assert self.process.is_running(), f"the server ended with {self.process.popen.returncode}:\n{self.log}"


class Products:
    """Starts servers. Each profile is migrated once; every server after that gets a copy of the result."""

    def __init__(self, processes: Processes, folder: Path, postgres: Callable[[], Postgres]) -> None:
        self._processes = processes
        self._folder = folder
        self._postgres = postgres
        self._started: list[Product] = []

    def serve(
        self, profile: Profile = "sqlite", *, beside: Product | None = None, port: int | None = None, **settings: object
    ) -> Product:
        """A ready server, with these settings; `beside` another one it shares that one's database and Valkey.

        To restart a server: `serve(profile, beside=old, port=old.port)` after `old.kill()` or `old.stop()`.
        """
        server = self.launch(profile, beside=beside, port=port, **settings)
        server.wait_until_ready()
        return server

    def launch(
        self, profile: Profile = "sqlite", *, beside: Product | None = None, port: int | None = None, **settings: object
    ) -> Product:
        """As `serve`, without waiting until it is ready."""
        state = beside.state if beside else self._fresh_state(profile)
        port = port or free_port()
        environment = product_environment(**{**SETTINGS, "PORT": port, **state.environment, **settings})
        process = self._processes.start("server", [sys.executable, "manage.py", "serve"], env=environment)
        server = Product(process, port, state, environment)
        self._started.append(server)
        return server

    def end(self, *, since: int = 0) -> None:
        """Stop the servers started after the first `since`, and print their logs, which pytest shows on a failure."""
        for server in self._started[since:]:
            if server.process.is_running():
                server.process.resume()
                server.process.popen.terminate()
        for server in self._started[since:]:
            self._end(server)
        del self._started[since:]

    def _end(self, server: Product) -> None:
        try:
            server.process.popen.wait(30)
        finally:
            server.kill()
            if server.state.valkey:
                server.state.valkey.kill()
            print(f"--- log of {server.process.name} {server.pid} on port {server.port} ---\n{server.log}")

    def __len__(self) -> int:
        return len(self._started)

    def _fresh_state(self, profile: Profile) -> State:
        if profile == "sqlite":
            template = self._sqlite_template
            copy = self._folder / f"{free_port()}.sqlite3"
            shutil.copyfile(template.database_url.removeprefix("sqlite:///"), copy)
            return State(f"sqlite:///{copy}", keys=template.keys)
        template = self._postgres_template
        postgres = self._postgres()
        database = postgres.create_database(template=template.database_url.rpartition("/")[2])
        valkey = Valkey(self._processes)
        valkey.start()
        return State(postgres.url_of(database), valkey.url, template.keys, valkey)

    @cached_property
    def _sqlite_template(self) -> State:
        return self._prepared(f"sqlite:///{self._folder / 'template.sqlite3'}")

    @cached_property
    def _postgres_template(self) -> State:
        postgres = self._postgres()
        return self._prepared(postgres.url_of(postgres.create_database()))

    def _prepared(self, database_url: str) -> State:
        """A migrated database in which alice, bob and charlie have a key each."""
        environment = product_environment(**{**SETTINGS, "DATABASE_URL": database_url})
        keys = run(environment, "-m", "tests.prepare_state", *PEOPLE).split()
        return State(database_url, keys=dict(zip(PEOPLE, keys, strict=True)))
