"""The serving process: daphne with bounds, a start that says what runs, and a stop that loses nothing."""

from daphne.server import twisted_loop  # isort:skip - importing daphne.server installs Twisted's asyncio reactor

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channels.routing import get_default_application
from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor as installed_reactor
from twisted.internet.error import CannotListenError
from twisted.logger import globalLogBeginner

from agents.providers import is_demo
from chat.daphne_limits import BoundedHTTPFactory, BoundedServer
from chat.daphne_sockets import BoundedSocketFactory
from chat.daphne_writes import PromptPort
from chat.runs import current_runs

log = logging.getLogger(__name__)
reactor: Any = installed_reactor  # its stubs describe interfaces, not the object
BACKLOG = 1024
MAX_FRAME = 2 * 1024 * 1024  # bytes
BYTES_PER_CHAR = 12  # a character outside the basic plane, escaped in JSON
SOCKET_SECONDS = 365 * 86400  # daphne's own default would cut a socket after a day
# New objects before the youngest are looked through; how often before the next ones are; how often before all are.
COLLECTOR_THRESHOLDS = 2_000, 4, 250
ANSWER_SECONDS = 2.0  # for which a server that stops waits for the answers to what it was asked
SERVICE_RESTART = 1012  # the close code that says: connect again
EVERYWHERE_OR_HERE = ("0.0.0.0", "::", "127.0.0.1")  # noqa: S104 - what is compared


@dataclass(frozen=True)
class Patience:
    """For how many seconds a client is waited for."""

    request: float = 60  # until a request is complete, and between two of them on one connection
    handshake: float = 5  # until a socket is open, and until it is closed
    ping: float = 20  # of silence on a socket, after which it is asked whether somebody is there
    pong: float = 30  # for the answer


def in_url(host: str, port: int) -> str:
    """Host and port as a URL has them: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def spare_the_collector() -> None:
    """Let the garbage collector forget what a start has made: modules, models, routes, about half a million objects.

    None of it is ever garbage, and looking through all of it, again and again, was a fifth of what streaming cost. What
    streams hold is none either while they last, and nothing of it refers to itself when they end. To look through all
    of a thousand streams takes a fifth of a second, in which all of them wait: it is done in small parts, and as a
    whole only after millions of new objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


class ChatServer(BoundedServer):
    """Serves on one address until SIGTERM or Ctrl-C. `failure` says afterwards why it could not."""

    def __init__(self, *, host: str, port: int, say: Callable[[str], Any], patience: Patience = Patience()) -> None:
        super().__init__(
            get_default_application(),
            endpoints=[f"{host}:{port}"],
            max_body=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
            websocket_timeout=SOCKET_SECONDS,
            ping_interval=patience.ping,
            server_name="chat",
        )
        self.failure = ""
        self.connections: dict[Any, dict[str, Any]] = {}
        self._host, self._port, self._say, self._patience = host, port, say, patience
        self._stopper: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Listen and serve. Returns when the server has stopped."""
        globalLogBeginner.beginLoggingTo(
            [lambda _: None],  # type: ignore[list-item]
            redirectStandardIO=False,
            discardBuffer=True,
        )
        asyncio.set_event_loop(twisted_loop)
        self.http_factory, self.ws_factory = self._http_factory(), self._socket_factory()
        try:
            listener: Any = PromptPort(self._port, self.http_factory, BACKLOG, self._host, reactor)
            listener.startListening()
        except CannotListenError as error:
            where = in_url(self._host, self._port)
            self.failure = f"Cannot listen on {where} ({error.socketError}). Set HOST and PORT."
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        reactor.callWhenRunning(self._started, listener.getHost().port)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        reactor.run(installSignalHandlers=False)

    def kill_all_applications(self) -> Any:
        """Cancel what still serves a connection: its reader comes back, to this or another process."""
        for details in self.connections.values():
            details.setdefault("application_instance", twisted_loop.create_future())
        return super().kill_all_applications()

    def _http_factory(self) -> BoundedHTTPFactory:
        return BoundedHTTPFactory(self, seconds=self._patience.request)

    def _socket_factory(self) -> BoundedSocketFactory:
        largest = max(MAX_FRAME, BYTES_PER_CHAR * settings.MAX_MESSAGE_CHARS)
        return BoundedSocketFactory(self, largest=largest, handshake=self._patience.handshake, pong=self._patience.pong)

    def _started(self, port: int) -> None:
        twisted_loop.create_task(self._announce(port))

    async def _announce(self, port: int) -> None:
        current_runs()  # from now on it looks after runs that other processes left behind
        spare_the_collector()
        here = in_url("localhost" if self._host in EVERYWHERE_OR_HERE else self._host, port)
        self._say(f"Chat:   http://{here}/")
        self._say(f"API:    http://{here}/docs")
        if is_demo():
            self._say("Model:  the built-in demo. Set OPENAI_API_KEY or OPENAI_BASE_URL for a real one.")
        else:
            where = settings.MODEL_PROVIDERS["default"]["base_url"] or "OpenAI"
            self._say(f"Model:  {settings.DEFAULT_MODEL} at {where.rpartition('@')[2]}")

    def _signalled(self, *_: Any) -> None:
        """asyncio's own handler comes through a pipe, which a crowd can fill: the signal would be lost."""
        twisted_loop.call_soon_threadsafe(self._on_signal)

    def _on_signal(self) -> None:
        if self._stopper is None:
            self._say("Stopping: running answers may finish. Press Ctrl-C again to stop at once.")
            self._stopper = twisted_loop.create_task(self._stop())
        elif reactor.running:
            reactor.stop()

    def _close_sockets(self) -> None:
        for protocol in list(self.connections):
            if isinstance(protocol, WebSocketProtocol) and protocol.state == WebSocketProtocol.STATE_OPEN:
                protocol.sendCloseFrame(code=SERVICE_RESTART)  # sendClose takes only the codes of applications

    async def _answer_requests(self) -> None:
        """Let requests have their answers, such as that the server stops. Streams, which have begun theirs, are cut."""
        unanswered = [
            details["application_instance"]
            for protocol, details in self.connections.items()
            if isinstance(protocol, WebRequest) and "application_instance" in details
            if not (protocol.startedWriting or "disconnected" in details)
        ]
        if unanswered:
            await asyncio.wait(unanswered, timeout=ANSWER_SECONDS)

    async def _stop(self) -> None:
        try:
            await current_runs().stop()
        except Exception:
            log.exception("Stopping was not clean; other processes will take the runs over")
        try:
            self._close_sockets()
            await self._answer_requests()
        finally:
            if reactor.running:
                reactor.stop()
