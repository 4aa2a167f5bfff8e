"""A model provider that repeats the key it was given wherever it can, and notes what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HELLO = (
    b'data: {"choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)


class EchoingProvider(ThreadingHTTPServer):
    """`seen` holds the headers and the body of each request. A last message of digits is the status to fail with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.seen: list[tuple[dict[str, str], dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Answer(BaseHTTPRequestHandler):
    server: EchoingProvider

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
        told = str(body["messages"][-1]["content"])
        key = self.headers.get("Authorization", "")
        if told.isdigit():
            self._send(int(told), "application/json", json.dumps({"error": _complaint(key)}).encode(), key)
        elif told == "break":
            self._send(200, "text/event-stream", f"data: {json.dumps({'error': _complaint(key)})}\n\n".encode(), key)
        else:
            self._send(200, "text/event-stream", HELLO, key)

    def _send(self, status: int, kind: str, body: bytes, key: str) -> None:
        self.send_response(status, key)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Key", key)):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the library's name
        """Nothing: what was asked is in `seen`."""


def _complaint(key: str) -> dict[str, str]:
    return {"message": f"Incorrect API key provided: {key}.", "type": key, "code": key, "param": key}


@contextmanager
def echoing_provider() -> Iterator[EchoingProvider]:
    provider = EchoingProvider()
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join()
