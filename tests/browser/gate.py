"""A door between the browser and the server: a TCP relay that can cut what is open, hold answers, refuse what comes."""

import contextlib
import socket
import threading

from tests.processes import free_port


class Gate:
    """Relays 127.0.0.1:`port` to the server's port. `refuse_sockets` lets plain HTTP through, but no WebSocket."""

    def __init__(self, server_port: int, *, refuse_sockets: bool = False) -> None:
        self.server_port = server_port
        self.refuse_sockets = refuse_sockets
        self.shut = False
        self.hold_answers = False
        self.port = free_port()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Cut every open connection."""
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.shut = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = client.recv(65536)
            if self.shut or not head or (self.refuse_sockets and head.startswith(b"GET /ws")):
                return
            with socket.create_connection(("127.0.0.1", self.server_port)) as server:
                server.sendall(head)
                self._open |= {client, server}
                back = threading.Thread(target=self._relay, args=[server, client], daemon=True)
                back.start()
                self._relay(client, server)
                back.join(5)
                self._open -= {client, server}

    def _relay(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.refuse_sockets and data.startswith(b"GET /ws"):
                    break
                if self.hold_answers and source.getpeername()[1] == self.server_port:
                    continue
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
