"""The body of an answer, for one who takes whatever has come: aiohttp, without what it does for each piece."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, cast

import aiohttp
from aiohttp.streams import EMPTY_PAYLOAD

MOST = 256 * 1024  # bytes that are pulled at once
# Takes a piece, and says whether the next one is wanted only when it is pulled. None where it does not take it.
Offer = Callable[[bytes], bool | None]
NOTHING = cast("Callable[[], None]", object)  # does nothing, without a frame of Python


class _Waiter(asyncio.Future[None]):
    """Somebody waits for the next piece. Where the `offer` takes it, they go on waiting.

    `pause` is called where it wants the next one only when that is pulled.
    """

    offer: Offer | None = None
    pause: Callable[[], None]


class _Reader(aiohttp.StreamReader):
    """Keeps no account of where HTTP's own chunks end, and none of bytes that are taken from the middle of one.

    aiohttp's reader does, and after each read it has the parser look for more, whether or not that had to stop: two
    dozen calls for each piece.
    """

    __slots__ = ()

    begin_http_chunk_receiving = end_http_chunk_receiving = staticmethod(NOTHING)

    def feed_data(self, data: bytes, size: int = 0) -> bool:
        if not data:  # it would be taken for the end
            return False
        waiter: Any = self._waiter
        if waiter is not None and not waiter.done():
            wants_later = waiter.offer and waiter.offer(data)
            if wants_later is not None:
                if wants_later:
                    waiter.pause()
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

    def put_back(self, data: bytes) -> None:
        self._buffer.append(data)
        self._size += len(data)


class Body:
    """Reads the body of a response.

    Who was offered a piece may want the next one later. Until then the event loop does not watch the connection, and
    `pull` asks the system itself: so the many pieces that come meanwhile cost one read, and the event loop nothing. It
    watches again when a pull finds nothing, when somebody has to be woken, and when somebody begins to wait.
    """

    __slots__ = ("_fd", "_loop", "_paused", "_protocol", "_reader", "_transport")

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
        self._paused = False

    async def read(self, offer: Offer | None = None) -> bytes:
        """Return what has come, or when there is nothing yet what comes; at the end nothing. Raises as aiohttp does.

        What comes while this waits is shown to `offer` first, which must not raise. What that does not take is
        returned, with what may have come behind it.
        """
        reader = self._reader
        if reader is None:
            return b""
        self.release()  # a pull that was asked for may have found nobody who waited
        while not (reader._buffer or reader._eof or reader._exception):
            if reader._protocol.transport is None:
                raise RuntimeError("Connection closed.")  # in aiohttp's own words
            waiter = reader._waiter = _Waiter(loop=self._loop)
            waiter.offer, waiter.pause = offer, self._pause
            try:
                await waiter
            finally:
                reader._waiter = None
        return reader.take()

    def pull(self) -> None:
        """Offer what has come since, in one piece, if somebody still waits."""
        reader = self._reader
        waiter: Any = reader and reader._waiter
        if not self._paused or reader is None or waiter is None or waiter.done():
            return
        data = self._read(reader)
        if data:
            reader._waiter = None  # it is not woken for each of HTTP's own chunks
            try:
                self._protocol.data_received(data)
            finally:
                reader._waiter = waiter
        wants_later = None
        has_more = self._protocol._reading_paused  # of what it has decompressed: taking this would bring the rest
        if reader._buffer and not (reader._eof or reader._exception or has_more):
            data = reader.take()
            wants_later = waiter.offer(data)
            if wants_later is None:
                reader.put_back(data)
        if not wants_later:
            self.release()
            if wants_later is None and (reader._buffer or reader._eof or reader._exception) and not waiter.done():
                waiter.set_result(None)

    def has_come(self) -> bool:
        """Look for what has come; whether there is something for who waits, or nobody does."""
        self.pull()
        waiter: Any = self._reader and self._reader._waiter
        return waiter is None or waiter.done()

    def release(self) -> None:
        """Let the event loop watch the connection again."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _pause(self) -> None:
        """What comes next is not wanted before it is pulled."""
        if self._fd >= 0 and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _read(self, reader: _Reader) -> bytes:
        """What the system has. A failure is told to no one else: the event loop would find an orderly end."""
        if self._protocol.transport is None:  # the connection has gone, and its number may be another's
            return b""
        try:
            return os.read(self._fd, MOST)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            reader.set_exception(aiohttp.ClientOSError(*error.args))
            self._transport.abort()
            return b""
