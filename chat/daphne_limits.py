"""What daphne lacks: writes that wait for slow readers, and requests of bounded size that come in bounded time.

daphne's `send` returns at once whatever the socket's state, so a reader that stops reading makes the process keep all
that it is sent; and it takes a request's whole body before the application sees any of it.
"""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from http.client import responses
from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from chat.daphne_writes import PromptConnection
from chat.extensions import MESSAGES, PIECES
from chat.request_id import HEADER, request_id

MAX_WAITING = 500  # connections that have yet to send a request: one more, and the one that waits longest is cut,
GRACE_SECONDS = 5  # unless it has only just come: a crowd that comes at once is no attack
STALL_SECONDS = 60.0  # a reader that takes nothing for so long is cut; it can come back with its cursor


@implementer(IPushProducer)
class Gate:
    """Twisted closes it while a connection's write buffer is full."""

    def __init__(self) -> None:
        self.is_open = True
        self._opened = asyncio.Event()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.is_open = False
        self._opened.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.is_open = True
        self._opened.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.resumeProducing()

    async def wait(self) -> bool:
        """Wait until there is room; False when the reader has stalled."""
        if self.is_open:
            return True
        try:
            async with asyncio.timeout(STALL_SECONDS):
                await self._opened.wait()
        except TimeoutError:
            return False
        return True


Channel: Any = HTTPChannel  # half of its methods have no annotations


class BoundedChannel(Channel):  # type: ignore[misc]
    """A connection on which a request has to be complete in time, however slowly its bytes trickle in."""

    _begun = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        super().connectionMade()
        self.factory.wait_for(self)

    def resetTimeout(self) -> None:  # noqa: N802 - Twisted's name
        """Twisted would give more time with every byte: here only the first one of a request does."""
        if not self._begun:
            self._begun = True
            super().resetTimeout()

    def allContentReceived(self) -> None:  # noqa: N802 - Twisted's name
        self._begun = False
        self.factory.waiting.pop(self, None)
        super().allContentReceived()

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Any) -> None:  # noqa: N802 - Twisted's
        """In one piece: Twisted would hand its transport four for each header, and look at every one of them twice."""
        lines = [b"%s: %s" % (name, value) for name, values in headers.getAllRawHeaders() for value in values]
        self.transport.write(b"\r\n".join([b"%s %s %s" % (version, code, reason), *lines, b"", b""]))

    def requestDone(self, request: Any) -> None:  # noqa: N802 - Twisted's name
        self.factory.wait_for(self)
        super().requestDone(request)

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802 - Twisted's name
        self.factory.waiting.pop(self, None)
        super().connectionLost(reason)


class BoundedRequest(WebRequest):  # type: ignore[misc]
    """A request whose body is dropped once it passes the server's `max_body`: then only its length is told."""

    gate: Gate | None = None
    too_large = False
    received = 0
    content_type: list[bytes] | None = None

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        self.too_large = length is not None and length > self.server.max_body
        super().gotLength(0 if self.too_large else length)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self.received += len(data)
        if self.received > self.server.max_body:
            self.too_large = True
        if not self.too_large:
            super().handleContentChunk(data)

    def requestReceived(self, *args: Any) -> None:  # noqa: N802 - Twisted's name
        """Twisted would parse forms here, and answer a broken one with an empty 400: forms are Django's business."""
        self.content_type = self.requestHeaders.getRawHeaders(b"content-type")
        self.requestHeaders.removeHeader(b"content-type")
        super().requestReceived(*args)

    def process(self) -> Any:
        self.requestHeaders.removeHeader(b"daphne-root-path")  # daphne would let any client say where we are mounted
        if not all(value.isascii() for value in self.requestHeaders.getRawHeaders(b"sec-websocket-protocol", [])):
            self.requestHeaders.removeHeader(b"sec-websocket-protocol")  # daphne fails over it, with a 500
        for value in self.content_type or ():
            self.requestHeaders.addRawHeader(b"content-type", value)
        if self.too_large:  # of its body only the length is left, which the application refuses
            self.requestHeaders.setRawHeaders(b"content-length", [b"%d" % self.received])
            self.requestHeaders.removeHeader(b"upgrade")
        return super().process()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """daphne's answer where the application gives none."""
        self.setHeader(HEADER, self._request_id())
        super().basic_error(status, status_text, body)

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:  # noqa: N802 - Twisted's name
        """With the phrase of the status: Twisted does not know all of them."""
        super().setResponseCode(code, message or responses.get(code, "Unknown").encode())

    def say(self, piece: bytes) -> bool:
        """Write a piece of a body at once, without the layers that a body whose head has gone needs no more.

        A gate stands from the first piece on, until the client has gone or has it all. False, and nothing is written,
        where there is none, where it is closed, and where the body is not sent in chunks.
        """
        gate = self.gate
        if gate is None or not (gate.is_open and self.chunked):
            return False
        if piece:  # an empty chunk would be the body's end
            self.sentLength += len(piece)
            self.transport.say(b"%x\r\n%b\r\n" % (len(piece), piece))
        return True

    def _request_id(self) -> bytes:
        given = self.requestHeaders.getRawHeaders(HEADER) or [b""]
        return request_id(given[0].decode("latin-1")).encode()


class BoundedHTTPFactory(HTTPFactory):  # type: ignore[misc]
    """Makes connections. A request may take `seconds`, and so may the pause between two of them."""

    protocol = BoundedChannel

    def __init__(self, server: Any, *, seconds: float) -> None:
        super().__init__(server)
        self.timeOut = seconds
        self.waiting: dict[BoundedChannel, float] = {}  # since when, the first one longest

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol

    def log(self, request: Any) -> None:
        """Nothing: one line per request is the proxy's business, and Twisted's would go nowhere."""

    def wait_for(self, channel: BoundedChannel) -> None:
        """Count a connection whose next request has yet to come."""
        now = self.reactor.seconds()
        self.waiting[channel] = now
        oldest, since = next(iter(self.waiting.items()))
        if len(self.waiting) > MAX_WAITING and now - since > GRACE_SECONDS:
            del self.waiting[oldest]
            oldest.forceAbortClient()


class BoundedServer(Server):  # type: ignore[misc]
    """daphne's server with these limits. `max_body` is in bytes."""

    def __init__(self, *args: Any, max_body: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_body = max_body

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> "asyncio.Queue[Any] | None":
        """As daphne's, with an inbox that the protocol may bring along."""
        if protocol not in self.connections:
            return None
        inbox: asyncio.Queue[Any] = getattr(protocol, "inbox", None) or asyncio.Queue()
        scope.setdefault("asgi", {"version": "3.0"})
        if isinstance(protocol, WebRequest):
            offered = {PIECES: protocol.say}
        else:
            offered = {MESSAGES: partial(self.say_messages, protocol)}
        scope["extensions"] = {**scope.get("extensions", {}), **offered}
        serving = self.application(scope=scope, receive=inbox.get, send=partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(serving)
        return inbox

    def has_room(self, protocol: Any) -> bool:
        """Whether what was written to the connection so far has left."""
        return protocol.gate is None or protocol.gate.is_open

    def say_messages(self, protocol: Any, messages: list[str]) -> bool:
        """See chat.extensions. A gate stands from the handshake on, until the client has gone."""
        if protocol.gate is None or not protocol.gate.is_open or protocol.state != protocol.STATE_OPEN:
            return False
        with _saying(protocol.transport):
            for message in messages:
                protocol.serverSend(message)
        return True

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if message.get("more_body") and protocol.say(message["body"]):
            gate = protocol.gate
        else:
            gate = await self._reply(protocol, message)
        if gate is not None and not gate.is_open:
            await self._pass(gate, protocol)

    async def _reply(self, protocol: Any, message: dict[str, Any]) -> Gate | None:
        """Let daphne write the message; the gate to pass before the next one."""
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if message["type"] == "http.response.body" and protocol.method == b"HEAD":
            # Twisted drops the first piece alone: what follows would be read as the answer to the next request.
            message = message | {"body": b""}
        if last:
            self._drop_gate(protocol)
        with _saying(protocol.transport):
            await super().handle_reply(protocol, message)
        if message["type"] in {"http.response.body", "websocket.accept", "websocket.send"} and not last:
            return protocol.gate or self._make_gate(protocol)
        return None

    async def _pass(self, gate: Gate, protocol: Any) -> None:
        """Wait for the reader. One that has stalled is cut, and a request whose application was stopped meanwhile.

        On a socket what was stopped is one of several runs, or it is about to say with a code why it closes.
        """
        passed = False
        try:
            passed = await gate.wait()
        except asyncio.CancelledError:
            passed = not isinstance(protocol, WebRequest)
            raise
        finally:
            if not passed:
                protocol.transport.abortConnection()

    def protocol_disconnected(self, protocol: Any) -> None:
        gate, protocol.gate = protocol.gate, None
        if gate is not None:
            gate.stopProducing()
        super().protocol_disconnected(protocol)

    def _make_gate(self, protocol: Any) -> Gate | None:
        """Put a gate between a connection and its application; None for a connection that has gone."""
        if protocol not in self.connections or "disconnected" in self.connections[protocol]:
            return None
        target = protocol
        if not isinstance(protocol, WebRequest):
            target = protocol.transport
            target.unregisterProducer()  # the HTTP channel that the socket was upgraded from still stands there
        gate = protocol.gate = Gate()
        target.registerProducer(gate, True)
        return gate

    def _drop_gate(self, protocol: Any) -> None:
        if protocol.gate is not None:
            protocol.gate = None
            protocol.unregisterProducer()


def _saying(connection: Any) -> AbstractContextManager[None]:
    """What is written meanwhile leaves together."""
    return connection.saying() if isinstance(connection, PromptConnection) else nullcontext()
