"""What Twisted lacks: a write that happens at once, and a bound on what the system keeps of what was written.

Twisted only notes what is to be written, asks the event loop whether the socket takes it, and writes in the loop's next
turn: two changes of the selector and a turn of the loop for each event that is streamed. A socket nearly always takes
it; the loop is asked where it does not.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.tcp import Port, Server

# Of a connection, what the system keeps beside what is on its way: two pieces of what a reader is given at a time, so
# that one leaves while the next is read. Left alone, it takes 4 MiB for a reader that takes nothing.
UNSENT_BYTES = 2 * 64 * 1024


class PromptConnection(Server):
    """A connection that can write at once."""

    _is_held = False  # something is being said, which is written when all of it is known
    _is_queued = False  # the event loop writes what is left

    @contextmanager
    def saying(self) -> Iterator[None]:
        """What is written meanwhile leaves together, and reaches the socket at the end, unless the client is slow."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            self._write_now()

    def say(self, data: bytes) -> None:
        """Write this now. What the socket does not take, and what fails, is the event loop's business.

        For each piece of each stream: so it asks for itself what `_has_more` says.
        """
        if self.connected and not (self._is_held or self._is_queued or self.dataBuffer or self._tempDataLen):
            try:
                sent = self.socket.send(data)
            except OSError:  # a full socket, or a broken one: either way the event loop will find out
                sent = 0
            data = data[sent:]
        if data:
            self.write(data)  # type: ignore[no-untyped-call]

    def startWriting(self) -> None:  # noqa: N802 - Twisted's name
        if not self._is_held:
            self._is_queued = True
            super().startWriting()  # type: ignore[no-untyped-call]

    def stopWriting(self) -> None:  # noqa: N802 - Twisted's name
        if self._is_queued:
            self._is_queued = False
            super().stopWriting()  # type: ignore[no-untyped-call]

    def _write_now(self) -> None:
        """Write what the socket takes. What is left, and what has failed, is the event loop's business."""
        if self._is_queued or not self.connected:
            return
        outcome = self.doWrite() if self._has_more else None  # type: ignore[no-untyped-call]
        if outcome is not None or self._has_more or self.disconnecting:
            self.startWriting()

    @property
    def _has_more(self) -> bool:
        return bool(self.dataBuffer or self._tempDataLen)


class PromptPort(Port):
    """A listening port whose connections can write at once."""

    transport = PromptConnection

    def createInternetSocket(self) -> Any:  # noqa: N802 - Twisted's name
        """Connections inherit the option."""
        listening = super().createInternetSocket()  # type: ignore[no-untyped-call]
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        return listening
