"""Hints between processes, over the channel layer: that a run has new events, or that it is to be stopped.

Hints never carry content, and nothing depends on one: layers drop messages and Redis may be away. Whoever misses a
hint finds out by looking, a second later.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

log = logging.getLogger(__name__)
GROUP = "chat.hints"
RECONNECT_SECONDS = 1.0
CHECK_SECONDS = 2.0


class Hints:
    """One process's subscription. Without Redis there are no other processes, and nothing is sent."""

    def __init__(
        self,
        process: uuid.UUID,
        *,
        on_stored: Callable[[uuid.UUID], None],
        on_cancel: Callable[[uuid.UUID], None],
        on_released: Callable[[], None],
    ) -> None:
        self.failures = 0
        self._process = process.hex
        self._on_stored = on_stored
        self._on_cancel = on_cancel
        self._on_released = on_released
        layer = get_channel_layer()
        self._layer: Any = None if layer is None or isinstance(layer, InMemoryChannelLayer) else layer
        self._stored: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sender: asyncio.Task[None] | None = None
        if self._layer is not None:
            self._spawn(self._listen())

    async def state(self) -> str:
        """For health checks: `ok`, `off` without Redis, or `unreachable`."""
        if self._layer is None:
            return "off"
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._layer.group_send(f"{GROUP}.check", {"type": "check"})
        except Exception:
            return "unreachable"
        return "ok"

    def stored(self, runs: list[tuple[uuid.UUID, int]]) -> None:
        """Say that these runs have new events. Hints that come faster than they are sent become one message."""
        if self._layer is None:
            return
        self._stored.update({run_id.hex: seq for run_id, seq in runs})
        if self._sender is None or self._sender.done():
            self._sender = self._spawn(self._send_stored())

    def cancel(self, run_id: uuid.UUID) -> None:
        if self._layer is not None:
            self._spawn(self._send({"cancel": run_id.hex}))

    async def released(self) -> None:
        """Say that this process has let go of its runs, for others to take them over now."""
        if self._layer is not None:
            await self._send({"released": True})

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, coroutine: Any) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _send_stored(self) -> None:
        while self._stored:
            stored, self._stored = self._stored, {}
            await self._send({"stored": stored})

    async def _send(self, content: dict[str, Any]) -> None:
        try:
            await self._layer.group_send(GROUP, {"type": "hint", "from": self._process, **content})
        except Exception as error:
            self.failures += 1
            log.warning("A hint could not be sent: %s", type(error).__name__)

    async def _listen(self) -> None:
        while True:
            try:
                channel = await self._layer.new_channel()
                await self._layer.group_add(GROUP, channel)
                while True:
                    self._take(await self._layer.receive(channel))
            except Exception as error:
                self.failures += 1
                log.warning("Hints are not received, trying again: %s", type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("from") == self._process:
            return
        for run_id in message.get("stored", ()):
            self._on_stored(uuid.UUID(run_id))
        if "cancel" in message:
            self._on_cancel(uuid.UUID(message["cancel"]))
        if "released" in message:
            self._on_released()
