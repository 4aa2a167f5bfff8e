"""A reader that asks for a run, takes the first bytes of the answer and then nothing more, with a small window."""

import json
import socket
from typing import Self

from tests.product import Product

WINDOW = 4096


class StalledReader:
    """Over a WebSocket or Server-Sent Events. Use it as a context manager: leaving hangs up."""

    def __init__(self, server: Product, run_id: str, bearer: str, *, by_socket: bool) -> None:
        self._run_id = run_id
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        self._socket.settimeout(30)
        self._socket.connect(("127.0.0.1", server.port))
        head = f"Host: 127.0.0.1:{server.port}\r\nAuthorization: {bearer}\r\n"
        if by_socket:
            self._upgrade(head)
        else:
            self._socket.sendall(f"GET /runs/{run_id}/events HTTP/1.1\r\n{head}\r\n".encode())
        self.first = self._socket.recv(256)

    def _upgrade(self, head: str) -> None:
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        self._socket.sendall(
            f"GET /ws HTTP/1.1\r\n{head}Upgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._socket.recv(1)
        frame = json.dumps({"type": "resume", "data": {"run_id": self._run_id, "after": 0}}).encode()
        self._socket.sendall(bytes([0x81, 0x80 | len(frame), 0, 0, 0, 0]) + frame)

    def is_cut(self) -> bool:
        """Whether the server has hung up: reads what is still on its way, so it ends the stalling."""
        try:
            while self._socket.recv(1024 * 1024):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()
