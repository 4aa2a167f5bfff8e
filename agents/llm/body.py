"""The body of an answer, for one who takes whatever has come: aiohttp, without what it does for each piece."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, cast

import aiohttp
from aiohttp.streams import EMPTY_PAYLOAD

MOST = 256 * 1024  # bytes that are pulled at once
SLOW = 0.005  # seconds between two reads of a caller
Offer = Callable[[bytes], bool]


class _Waiter(asyncio.Future[None]):
    """Somebody waits for the next piece. Who says True to the `offer` has had it, and goes on waiting."""

    offer: Offer | None = None


class _Reader(aiohttp.StreamReader):
    """Keeps no account of where HTTP's own chunks end, and none of bytes that are taken from the middle of one.

    aiohttp's reader does, and after each read it has the parser look for more, whether or not that had to stop: two
    dozen calls for each piece.
    """

    __slots__ = ()

    def begin_http_chunk_receiving(self) -> None:
        pass

    def end_http_chunk_receiving(self) -> None:
        pass

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        if not data:  # it would be taken for the end
            return False
        waiter: Any = self._waiter
        if waiter is not None and not waiter.done():
            if waiter.offer is not None and waiter.offer(data):
                return False
            waiter.set_result(None)
        self._buffer.append(data)
        self._size += len(data)
        if self._size > self._high_water:
            self._protocol.pause_reading()
        return False

    def take(self) -> bytes:
        """What has come. Raises what the reading has failed with."""
        if self._exception is not None:
            raise self._exception
        buffer = self._buffer
        data = buffer[0] if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._size = 0
        if self._protocol._reading_paused:  # more had come than it keeps
            self._protocol.resume_reading()
        return data


class Body:
    """Reads the body of a response.

    Where the caller is slower than the provider, it pulls: the event loop does not watch the connection any more, and a
    read asks the system itself. So the many pieces that come while the caller does something else cost one read, and
    the event loop nothing. It goes back to being told when a read finds nothing, and when the caller is not so slow:
    then a flood would leave the event loop no time.
    """

    __slots__ = ("_fd", "_loop", "_protocol", "_pulled_at", "_pulls", "_reader", "_transport")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader: _Reader | None = None  # of an empty body
        if response.content is not EMPTY_PAYLOAD:
            response.content.__class__ = _Reader  # the parser has this one, and there is no way to give it another
            self._reader = cast("_Reader", response.content)
        self._protocol: Any = response.connection.protocol if response.connection else None
        self._transport: Any = None if self._protocol is None else self._protocol.transport
        self._fd = -1  # what cannot be read past the event loop: it has gone, or TLS stands before it
        if self._transport is not None and self._transport.get_extra_info("sslcontext") is None:
            self._fd = self._transport.get_extra_info("socket").fileno()
        self._pulls = False
        self._pulled_at = 0.0  # loop time

    async def read(self, offer: Offer | None = None) -> bytes:
        """Return what has come, or when there is nothing yet what comes; at the end nothing. Raises as aiohttp does.

        What comes while this waits is shown to `offer` first, which must not raise. Where it says True it has had it;
        else this returns it, with what may have come behind it.
        """
        reader = self._reader
        if reader is None:
            return b""
        if not reader._eof:  # at the end the connection is somebody else's
            if not self._pulls:
                self._begin_to_pull(reader)
            elif not reader._buffer:
                self._pull(reader)
        while not (reader._buffer or reader._eof or reader._exception):
            if reader._protocol.transport is None:
                raise RuntimeError("Connection closed.")  # in aiohttp's own words
            waiter = reader._waiter = _Waiter(loop=self._loop)
            waiter.offer = offer
            try:
                await waiter
            finally:
                reader._waiter = None
        return reader.take()

    def release(self) -> None:
        """Let the event loop watch the connection again."""
        if self._pulls:
            self._pulls = False
            self._transport.resume_reading()

    def _begin_to_pull(self, reader: _Reader) -> None:
        """From now on, where something came while the caller was away."""
        if reader._buffer and self._fd >= 0:
            self._pulls = True
            self._pulled_at = self._loop.time()
            self._transport.pause_reading()

    def _pull(self, reader: _Reader) -> None:
        now = self._loop.time()
        is_slow, self._pulled_at = now - self._pulled_at > SLOW, now
        data = self._read(reader) if is_slow and not self._transport.is_closing() else b""
        if data:
            self._protocol.data_received(data)
        if not reader._buffer or reader._eof:  # what was read may be a part of HTTP's own framing
            self.release()

    def _read(self, reader: _Reader) -> bytes:
        """What the system has. A failure is told to no one else: the event loop would find an orderly end."""
        try:
            return os.read(self._fd, MOST)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            reader.set_exception(aiohttp.ClientOSError(*error.args))
            self._transport.abort()
            return b""
