"""The processes of a benchmark: the scripted provider and the servers that are measured, all on loopback."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks import cores
from benchmarks.environments import NotInstalled, interpreter
from tests.environment import product_environment
from tests.postgres import Postgres
from tests.processes import ROOT, Process, Processes, free_port, wait_until
from tests.product import run
from tests.valkey import Valkey

LOOPBACK = "127.0.0.1"
OURS, POSTGRES = "ours", "ours on PostgreSQL"
PLAIN, PYDANTIC, AGENTS_SDK = "FastAPI + SDK", "Pydantic AI", "Agents SDK"
RELAY, RELAY_UVICORN = "relay (daphne)", "relay (uvicorn)"
PROVIDER = "provider"
SERVERS = (OURS, PLAIN, PYDANTIC, AGENTS_SDK, RELAY, RELAY_UVICORN)
UVICORN = {  # server -> its environment, its module in benchmarks/peers
    PLAIN: ("plain", "plain"),
    PYDANTIC: ("pydantic", "pydantic_agent"),
    AGENTS_SDK: ("agents_sdk", "agents_sdk"),
    RELAY_UVICORN: ("plain", "relay"),
}
SETTINGS: Mapping[str, object] = {  # ours as `make run` starts it; only its limits per caller are lifted
    "HOST": LOOPBACK,
    "SECRET_KEY": "only-for-benchmarks-0123456789-abcdefghijklmnopqrstuvwxyz",
    "RATE_LIMIT_MESSAGES": "1000000/min",
    "MAX_CONCURRENT_RUNS": 1_000_000,
    "MAX_OPEN_STREAMS": 1_000_000,
    "MAX_OPEN_SOCKETS": 1_000_000,
    "MAX_FRAMES_PER_SECOND": 1_000_000,
    "TOOL_MODULES": "benchmarks.tools",
    "DEBUG": 0,
    "PYTHONUNBUFFERED": 1,
    "DRAIN_SECONDS": 1,
    "PACK_EVENTS_AFTER_SECONDS": 1_000_000,  # what is packed is a part's own business: see benchmarks.packing
}


@dataclass(frozen=True)
class Server:
    """One server that answers `POST /chat/stream`. `database` is where ours stores everything."""

    name: str
    process: Process
    port: int
    database: str = ""

    def url(self, path: str = "/chat/stream") -> str:
        return f"http://{LOOPBACK}:{self.port}{path}"

    def body(self, message: str) -> dict[str, Any]:
        """A request for an answer to the message, in a conversation of its own."""
        if self.name == PYDANTIC:
            asked = {"id": "1", "role": "user", "content": message}
            empty: dict[str, Any] = {"state": {}, "tools": [], "context": [], "forwardedProps": {}}
            return {"threadId": "1", "runId": "1", "messages": [asked], **empty}
        if self.name == PROVIDER:
            return {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": message}]}
        return {"message": message, "reset_history": True}


class Laboratory:
    """Starts what a part of the benchmark asks for. Each part gets servers of its own, on empty databases."""

    def __init__(self, folder: Path, processes: Processes, stack: ExitStack) -> None:
        self.folder = folder
        self.processes = processes
        self.stack = stack
        self.missing: dict[str, str] = {}

    @cached_property
    def provider(self) -> Server:
        """The model, which does as each message says: see tests.provider_script."""
        port = free_port()
        command = [sys.executable, "-u", "-m", "tests.provider", "--port", str(port)]
        process = self.processes.start(PROVIDER, cores.pinned(command, cores.for_others()))
        process.wait_for("/v1\n")
        return Server(PROVIDER, process, port)

    @cached_property
    def postgres(self) -> Postgres:
        return self.stack.enter_context(Postgres(self.processes))

    @cached_property
    def valkey(self) -> Valkey:
        return self.stack.enter_context(Valkey(self.processes))

    @contextmanager
    def serve(self, *names: str, **settings: object) -> Iterator[dict[str, Server]]:
        """These servers, each pinned to the first core; a peer that cannot be installed here is left out."""
        started: dict[str, Server] = {}
        for name in names:
            try:
                started[name] = self._start(name, settings)
            except NotInstalled as reason:
                self.missing[name] = str(reason)
        with self.serving(*started.values()):
            yield started

    @contextmanager
    def serving(self, *servers: Server) -> Iterator[None]:
        """Wait until they listen; end them in the end."""
        try:
            for server in servers:
                wait_ready(server)
            yield
        finally:
            for server in servers:
                server.process.kill()

    def _start(self, name: str, settings: Mapping[str, object]) -> Server:
        if name in (OURS, POSTGRES):
            return self.ours(self.database(name), name=name, **settings)
        port = free_port()
        where = ["--host", LOOPBACK, "--port", str(port)]
        if name == RELAY:
            where = ["-b", LOOPBACK, "-p", str(port), "-v", "0"]
            command: list[str | Path] = [sys.executable, "-m", "daphne", *where, "benchmarks.peers.relay:app"]
        else:
            environment, module = UVICORN[name]
            # -P: this folder's packages are not the peer's; one of them has the name of one of ours
            python = [interpreter(environment), "-P", "-m", "uvicorn", "--app-dir", ROOT / "benchmarks" / "peers"]
            command = [*python, *where, "--no-access-log", "--log-level", "warning", f"{module}:app"]
        environment_of = {**os.environ, "PROVIDER_URL": self.provider.url("/v1")}
        process = self.processes.start("peer", cores.pinned(command, cores.for_server()), env=environment_of)
        return Server(name, process, port)

    def database(self, name: str = OURS) -> str:
        """The URL of a new, migrated database."""
        if name == POSTGRES:
            url = self.postgres.url_of(self.postgres.create_database())
            self._migrate(url)
            return url
        file = Path(tempfile.mkdtemp(dir=self.folder), "chat.sqlite3")
        shutil.copy(self._migrated, file)
        return f"sqlite:///{file}"

    @cached_property
    def _migrated(self) -> Path:
        """A migrated database of SQLite, to be copied."""
        file = self.folder / "migrated.sqlite3"
        self._migrate(f"sqlite:///{file}")
        return file

    def _migrate(self, url: str) -> None:
        run(self.environment(DATABASE_URL=url), "manage.py", "migrate", "--verbosity", "0")

    def environment(self, **settings: object) -> dict[str, str]:
        return product_environment(**{**SETTINGS, "OPENAI_BASE_URL": self.provider.url("/v1"), **settings})

    def ours(self, database: str, *, name: str = OURS, core: int = 0, **settings: object) -> Server:
        """One process of ours on that database, not yet ready."""
        port = free_port()
        environment = self.environment(DATABASE_URL=database, PORT=port, **settings)
        command = cores.pinned([sys.executable, "manage.py", "serve"], cores.for_server(core))
        return Server(name, self.processes.start("ours", command, env=environment), port, database)


def wait_ready(server: Server) -> None:
    wait_until(
        lambda: answers(server.port) or not server.process.is_running(),
        seconds=60,
        otherwise=lambda: f"{server.name} does not listen:\n{server.process.log}",
    )
    assert server.process.is_running(), f"{server.name} ended:\n{server.process.log}"


def answers(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Start nothing yet; end everything, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        processes = Processes(Path(folder))
        try:
            with ExitStack() as stack:
                yield Laboratory(Path(folder), processes, stack)
        finally:
            processes.end()
