"""The processes of a benchmark: the scripted provider, and the servers that are measured. All on loopback."""

import os
import sqlite3
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.environment import product_environment
from tests.processes import ROOT, Process, Processes, free_port

PEERS = ROOT / ".peers"
PEER_REQUIREMENTS = Path(__file__).with_name("peer-requirements.txt")
LOOPBACK = "127.0.0.1"
OURS, PEER, RELAY = "ours", "peer", "relay"


@dataclass(frozen=True)
class Server:
    """One server that answers `POST /chat/stream`."""

    name: str
    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/chat/stream"


@dataclass(frozen=True)
class Field:
    """All that runs. `database` is the SQLite file in which our server stores everything."""

    servers: tuple[Server, ...]
    database: Path

    def stored(self) -> int:
        """How many runs our server has stored as completed. Raises AssertionError when one lacks some of its text."""
        runs = "FROM chat_run WHERE status = 'completed'"
        whole = (
            "AND (SELECT content FROM chat_message WHERE id = chat_run.answer_id) = (SELECT group_concat(text, '') FROM"
            " (SELECT json_extract(body, '$.content') AS text FROM chat_runevent"
            " WHERE run_id = chat_run.id AND event_type = 'chat_chunk' ORDER BY seq))"
        )
        completed = self._count(runs)
        assert self._count(f"{runs} {whole}") == completed, "the events of an answer do not hold its text"
        return completed

    def events(self) -> int:
        """How many events our server has stored."""
        return self._count("FROM chat_runevent")

    def _count(self, rows: str) -> int:
        with closing(sqlite3.connect(self.database)) as connection:
            return int(connection.execute(f"SELECT count(*) {rows}").fetchone()[0])


@contextmanager
def started(folder: Path) -> Iterator[Field]:
    """Start everything; end it, whatever happens."""
    peer_python = peers()
    processes = Processes(folder)
    try:
        provider = provider_url(processes)
        database = folder / "chat.sqlite3"
        servers = (
            serve_relay(processes, provider),
            serve_ours(processes, provider, database),
            serve_peer(processes, provider, peer_python),
        )
        yield Field(servers, database)
    finally:
        processes.end()


def peers() -> Path:
    """The interpreter of the peer's environment, which is made at its first use and when its pins change."""
    python, mark = PEERS / "bin" / "python", PEERS / ".installed"
    pins = PEER_REQUIREMENTS.read_text()
    if not mark.exists() or mark.read_text() != pins:
        print("Installing the peer …", flush=True)
        venv.create(PEERS, clear=True, symlinks=True, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "-r", PEER_REQUIREMENTS]
        done = subprocess.run(install, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        mark.write_text(pins)
    return python


def provider_url(processes: Processes) -> str:
    provider = processes.start("provider", [sys.executable, "-u", "-m", "tests.provider"])
    provider.wait_for("/v1\n")
    return provider.log.strip()


def serve_ours(processes: Processes, provider: str, database: Path) -> Server:
    """Our server as `make run` starts it, on an empty database; only its limits per caller are lifted."""
    port = free_port()
    environment = product_environment(
        HOST=LOOPBACK,
        PORT=port,
        DATABASE_URL=f"sqlite:///{database}",
        OPENAI_BASE_URL=provider,
        SECRET_KEY="only-for-benchmarks-0123456789-abcdefghijklmnopqrstuvwxyz",  # noqa: S106 - a throw-away secret
        RATE_LIMIT_MESSAGES="1000000/min",
        MAX_CONCURRENT_RUNS=1_000_000,
        DEBUG=0,
        PYTHONUNBUFFERED=1,
    )
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=environment, check=True, timeout=60
    )
    process = processes.start(OURS, [sys.executable, "manage.py", "serve"], env=environment)
    process.wait_for("Model:", seconds=40)
    return Server(OURS, process, port)


def serve_peer(processes: Processes, provider: str, python: Path) -> Server:
    port = free_port()
    command = [python, "-m", "uvicorn", "benchmarks.peer_app:app", "--host", LOOPBACK, "--port", str(port)]
    process = processes.start(PEER, [*command, "--no-access-log"], env={**os.environ, "PROVIDER_URL": provider})
    process.wait_for("Uvicorn running", seconds=40)
    return Server(PEER, process, port)


def serve_relay(processes: Processes, provider: str) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "daphne", "-b", LOOPBACK, "-p", str(port), "-v", "1", "benchmarks.relay_app:app"]
    process = processes.start(RELAY, command, env={**os.environ, "PROVIDER_URL": provider})
    process.wait_for("Listening on TCP", seconds=40)
    return Server(RELAY, process, port)
