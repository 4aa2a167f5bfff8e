"""The body of an answer, for one who takes whatever has come: aiohttp, without what it does for each piece."""

import asyncio
import os
from contextlib import suppress
from typing import cast

import aiohttp

MOST = 256 * 1024  # bytes that are pulled at once


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
        self._buffer.append(data)
        self._size += len(data)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
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
    the event loop nothing. It goes back to being told when a read finds nothing.
    """

    __slots__ = ("_fd", "_loop", "_protocol", "_pulls", "_reader", "_transport")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._reader: _Reader | None = None  # of an empty body
        if type(response.content) is aiohttp.StreamReader:
            response.content.__class__ = _Reader  # the parser has this one, and there is no way to give it another
            self._reader = cast("_Reader", response.content)
        self._loop = asyncio.get_running_loop()
        self._protocol = response.connection.protocol if response.connection else None
        self._transport = self._protocol.transport if self._protocol is not None else None
        self._fd = -1
        if self._transport is not None and self._transport.get_extra_info("sslcontext") is None:
            self._fd = self._transport.get_extra_info("socket").fileno()
        self._pulls = False

    async def read(self) -> bytes:
        """Return what has come, or when there is nothing yet what comes; at the end nothing. Raises as aiohttp does."""
        reader = self._reader
        if reader is None:
            return b""
        if self._pulls:
            if not reader._buffer:
                self._pull(reader)
        elif reader._buffer and self._fd >= 0 and self._transport is not None:
            self._pulls = True
            self._transport.pause_reading()
        while not (reader._buffer or reader._eof or reader._exception):
            if reader._protocol.transport is None:
                raise RuntimeError("Connection closed.")  # in aiohttp's own words
            waiter = reader._waiter = self._loop.create_future()
            try:
                await waiter
            finally:
                reader._waiter = None
        return reader.take()

    def release(self) -> None:
        """Let the event loop watch the connection again."""
        if self._pulls and self._transport is not None:
            self._pulls = False
            self._transport.resume_reading()

    def _pull(self, reader: _Reader) -> None:
        data = b""
        if self._transport is not None and self._protocol is not None and not self._transport.is_closing():
            with suppress(OSError):  # there is nothing yet, or the connection is broken: the event loop will find out
                data = os.read(self._fd, MOST)
        if data and self._protocol is not None:
            self._protocol.data_received(data)
        if not data or reader._eof:
            self.release()
