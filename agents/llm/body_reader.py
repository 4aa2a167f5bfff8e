"""aiohttp's reader of a body, for one who takes whatever has come."""

from typing import cast

import aiohttp


class BodyReader(aiohttp.StreamReader):
    """Keeps no account of where HTTP's own chunks end, nor of bytes that are taken from the middle of one.

    aiohttp's reader does, and it has the parser look for more after each read, whether or not that had to stop: a
    dozen calls for each piece of a stream.
    """

    __slots__ = ()

    @classmethod
    def of(cls, response: aiohttp.ClientResponse) -> "BodyReader":
        """The reader of a response, made one of these. The parser has it already: there is no way to give it another."""
        if type(response.content) is aiohttp.StreamReader:  # else it is the one that all empty bodies share
            response.content.__class__ = cls
        return cast("BodyReader", response.content)

    async def readany(self) -> bytes:
        if self._exception is not None:
            raise self._exception
        while not self._buffer and not self._eof:
            await self._wait("readany")
        buffer = self._buffer
        data = buffer[0] if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        self._size = 0
        if self._protocol._reading_paused:  # more had come than it keeps
            self._protocol.resume_reading()
        return data

    def begin_http_chunk_receiving(self) -> None:
        pass

    def end_http_chunk_receiving(self) -> None:
        pass
