"""An answer that is coming in: reads its stream under deadlines, without a task or a timer per read."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from time import monotonic

import aiohttp

from agents.errors import ErrorCode, ModelError
from agents.llm.base import ModelDelta, ReasoningDelta, Take, TextDelta
from agents.llm.body import Body
from agents.llm.failures import BROKE_OFF, TIMED_OUT, UNREACHABLE
from agents.llm.turn import Turn

AFTER_FINISH = 5.0  # seconds; all that can come after the finish reason is the usage
MOST_TAKEN = 16 * 1024  # characters; a longer piece may have to wait until what was said before it is stored
TEXTS = TextDelta, ReasoningDelta
LINGER = 1.0  # seconds in which the end of the stream may come, so that the connection can be used again
log = logging.getLogger(__name__)


class Deadline:
    """Fails a read that waits too long. One timer per stream, armed again when it fires and for another limit.

    `limit` (seconds) counts from `since` (monotonic), and only while `waiting`: a slow reader is not a slow provider.
    `has_come` looks for what was not wanted yet, and says whether it ends the wait: that is no slow provider either.
    """

    __slots__ = ("_content", "_handle", "_has_come", "_loop", "limit", "since", "waiting")

    def __init__(
        self, content: aiohttp.StreamReader, *, since: float, limit: float, has_come: Callable[[], bool]
    ) -> None:
        self._content = content
        self._has_come = has_come
        self._loop = asyncio.get_running_loop()
        self.since = since
        self.waiting = False
        self.limit = limit
        self._handle = self._loop.call_later(since + limit - monotonic(), self._check)

    def change(self, limit: float) -> None:
        """Another limit, from now on: the timer may fire too late for it."""
        self.limit = limit
        self._arm(limit)

    def stop(self) -> None:
        self._handle.cancel()

    def _arm(self, delay: float) -> None:
        self._handle.cancel()
        self._handle = self._loop.call_later(delay, self._check)

    def _check(self) -> None:
        if self._left() <= 0 and self.waiting and not self._has_come() and self._left() <= 0:
            self._content.set_exception(TimeoutError())
        else:
            left = self._left()
            self._arm(left if left > 0 else self.limit)

    def _left(self) -> float:
        return self.since + self.limit - monotonic()


class Answer:
    """The stream of one turn. `first_token` and `idle` are in seconds; the first counts from `since` (monotonic).

    Text that comes while a read waits is offered to `take`.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        turn: Turn,
        *,
        since: float,
        first_token: float,
        idle: float,
        take: Take | None = None,
    ) -> None:
        self.ended = False
        self._decoded: list[ModelDelta] = []  # of what was offered, but not taken: it is the next that the body returns
        self._decoded_bytes = 0
        self._mistake: Exception | None = None  # of who took it
        self._response = response
        self._turn = turn
        self._body = Body(response)
        self._offer = None if take is None else partial(self._takes, take, self._body.pull)
        self._idle = idle
        self._deadline = Deadline(response.content, since=since, limit=first_token, has_come=self._body.has_come)

    @property
    def started(self) -> bool:
        """Whether something of the answer has come."""
        return self._turn.started

    async def read(self) -> list[ModelDelta]:
        """Return what the next read brings, maybe nothing; at the end of the stream the last deltas.

        Raises ModelError when the stream is cut, silent or broken.
        """
        turn, deadline = self._turn, self._deadline
        if turn.failure:
            raise turn.failure
        deadline.waiting = True
        try:
            data = await self._body.read(self._offer)
        except (TimeoutError, aiohttp.ClientError, RuntimeError) as error:
            # aiohttp reads a connection that is closed already with a RuntimeError.
            if self._decoded or turn.failure:  # which came before; the next read fails again
                return self._take_decoded()
            return self._end(error)
        finally:
            deadline.waiting = False
        if self._mistake:
            raise self._mistake
        if not data:
            return self._end(None)
        rest = data[self._decoded_bytes :]
        deltas = self._take_decoded()
        if rest and not (turn.done or turn.failure):
            deltas = [*deltas, *self._feed(rest)]
        return [*deltas, *self._end(None)] if turn.done else deltas

    def close(self) -> None:
        """Stop the deadline and close the connection, unless the stream has ended and it can be used again."""
        self._deadline.stop()
        self._body.release()
        self._offer = None  # which refers back to here: all of the run would wait for the garbage collector
        if self._turn.done and not self._response.closed:
            # The provider's last bytes are on their way; aiohttp keeps the connection if they come in time.
            asyncio.get_running_loop().call_later(LINGER, self._response.close)
        else:
            self._response.close()

    def _takes(self, take: Take, more: Callable[[], None], data: bytes) -> bool | None:
        """Decode what has come for one who waits. None where they have to be woken for it: it is not just text."""
        try:
            deltas, turn = self._feed(data), self._turn
            if len(deltas) == 1 and not (turn.done or turn.finish_reason or turn.failure):
                delta = deltas[0]
                if isinstance(delta, TEXTS) and len(delta.content) <= MOST_TAKEN:
                    wants_later = take.put(delta, more)
                    if wants_later is not None:
                        return wants_later
            self._decoded, self._decoded_bytes = deltas, len(data)
        except Exception as error:  # whoever waits is told; the connection, which calls this, would take it for its own
            self._mistake = error
        return None

    def _take_decoded(self) -> list[ModelDelta]:
        deltas, self._decoded, self._decoded_bytes = self._decoded, [], 0
        return deltas

    def _feed(self, data: bytes) -> list[ModelDelta]:
        turn = self._turn
        chunks = turn.chunks
        deltas = turn.feed(data)
        if turn.started and turn.chunks != chunks:
            deadline, limit = self._deadline, min(self._idle, AFTER_FINISH) if turn.finish_reason else self._idle
            deadline.since = monotonic()
            if limit != deadline.limit:
                deadline.change(limit)
        return deltas

    def _end(self, error: Exception | None) -> list[ModelDelta]:
        self.ended = True
        turn = self._turn
        if error is None or turn.finish_reason:  # what has a finish reason is whole, however the connection ended
            return turn.finish()
        log.warning("The stream of a model provider failed: %s", type(error).__name__)
        if isinstance(error, TimeoutError):
            raise ModelError(ErrorCode.MODEL_TIMEOUT, TIMED_OUT) from error
        if turn.started:
            raise ModelError(ErrorCode.MODEL_ERROR, BROKE_OFF) from error
        raise ModelError(ErrorCode.MODEL_UNAVAILABLE, UNREACHABLE) from error
