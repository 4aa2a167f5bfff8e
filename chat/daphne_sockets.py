"""What daphne lacks on WebSockets: reading that waits for the application, and close codes that say what was wrong."""

import asyncio
from typing import Any

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from chat.request_id import HEADER, request_id

MAX_INBOX = 32  # frames that have come and are not yet handled: beyond them the client has to wait
READ_BYTES = 8192  # at a time: what is read at once is also parsed at once, while everybody else waits


class Inbox(asyncio.Queue[dict[str, Any]]):
    """What a socket has received. While it is full, no more is read from the connection."""

    def __init__(self, protocol: "BoundedSocket") -> None:
        super().__init__()
        self._protocol = protocol
        self.is_full = False

    def put_nowait(self, item: dict[str, Any]) -> None:
        super().put_nowait(item)
        if not self.is_full and self.qsize() >= MAX_INBOX:
            self.is_full = True
            self._protocol.transport.pauseProducing()

    async def get(self) -> dict[str, Any]:
        await asyncio.sleep(0)  # a client that sends without pause must not keep the event loop to itself
        item = await super().get()
        if self.is_full and self.empty():
            self.is_full = False
            self._protocol.transport.resumeProducing()
        return item


class BoundedSocket(WebSocketProtocol):  # type: ignore[misc]
    """A socket whose handshake is answered with its request id; the application finds the same id in its headers."""

    gate: Any = None  # see chat.daphne_limits
    maxMessagePayloadSize: int  # noqa: N815 - autobahn's name

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        self.inbox = Inbox(self)
        self.transport.bufferSize = READ_BYTES
        super().connectionMade()

    def onConnect(self, request: Any) -> Any:  # noqa: N802 - Twisted's name
        name = HEADER.decode()
        self.request_id = request.headers[name] = request_id(request.headers.get(name, ""))
        return super().onConnect(request)

    def serverAccept(self, subprotocol: str | None = None) -> None:  # noqa: N802 - Twisted's name
        self.handshake_deferred.callback((subprotocol, {"X-Request-Id": self.request_id}))
        del self.handshake_deferred

    def sendMessage(self, *args: Any, **options: Any) -> None:  # noqa: N802 - autobahn's name
        """Send what the application says, whatever its size: the limit is one of what clients send."""
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(*args, **options)
        finally:
            self.maxMessagePayloadSize = limit

    def onAutoPingTimeout(self) -> None:  # noqa: N802 - autobahn's name
        """Cut a client that does not answer; one that is not read cannot."""
        self.autoPingTimeoutCall = None
        if not self.inbox.is_full:
            super().onAutoPingTimeout()

    def onPing(self, payload: bytes) -> None:  # noqa: N802 - autobahn's name
        """Answer, unless the client takes nothing: its pongs would pile up here."""
        if self.server.has_room(self):
            super().onPing(payload)


class BoundedSocketFactory(WebSocketFactory):  # type: ignore[misc]
    """`largest` is in bytes, of a frame and of a message. Times are in seconds."""

    protocol = BoundedSocket

    def __init__(self, server: Any, *, largest: int, handshake: float, pong: float) -> None:
        super().__init__(server, server=server.server_name)
        self.setProtocolOptions(
            allowNullOrigin=False,
            failByDrop=False,  # a close code tells the client what was wrong: 1002, 1007 or 1009
            openHandshakeTimeout=handshake,
            closeHandshakeTimeout=handshake,  # one second, the default, is too short to read the code on a bad line
            autoPingTimeout=pong,
            autoPingRestartOnAnyTraffic=True,  # whoever sends is there, though the pong waits behind what was sent
            maxMessagePayloadSize=largest,
            maxFramePayloadSize=largest,
        )
