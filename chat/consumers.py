"""The WebSocket: commands in, frames of the journal out. One socket may carry several runs."""

import asyncio
import logging
import time
import uuid
from contextlib import aclosing
from typing import Any

import msgspec
from asgiref.typing import WebSocketScope
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings

from agents.errors import ErrorCode
from agents.events import ToolEvent
from chat import log_context
from chat.access import Caller, authenticate
from chat.api.errors import as_refused
from chat.credentials import Credentials
from chat.database import in_database
from chat.exceptions import Refused, invalid
from chat.extensions import say_messages
from chat.follow import Position, find_run, position, terminal_entry
from chat.frame_rate import FrameRate
from chat.journal import Entry
from chat.open_connections import OpenConnection
from chat.request_id import request_id
from chat.requests import Cancel, ChatRequest, Frame, Resume, check_chat, convert, decode
from chat.runs import current_runs

log = logging.getLogger(__name__)
CLOSE_CODES = {ErrorCode.UNAUTHENTICATED: 4401, ErrorCode.FORBIDDEN: 4403, ErrorCode.RATE_LIMITED: 4429}
CLOSE_OTHER = 4400
TOOL_EVENTS = frozenset(str(kind.__struct_config__.tag) for kind in ToolEvent.__args__)
PONG = '{"type":"pong","data":{}}'


class ChatConsumer(AsyncConsumer):  # type: ignore[misc]
    """Commands are handled one after the other; each run is streamed by a task of its own: none blocks another."""

    channel_layer_alias = "none"  # hints are the process's business (chat.hints), not each socket's
    scope: WebSocketScope
    caller: Caller
    connection: OpenConnection | None = None

    def __init__(self) -> None:
        self.following: dict[uuid.UUID, asyncio.Task[None]] = {}

    async def __call__(self, *application: Any) -> None:
        try:
            await super().__call__(*application)
        finally:  # also where the server did not wait for the last commands
            self._let_go()

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        credentials = Credentials.of_scope(self.scope)
        log_context.begin(request_id(credentials.headers.get("x-request-id", "")))
        try:
            self.caller = await in_database(authenticate, credentials)
            log_context.tell_caller(self.caller.username)
            self.caller.require("chat")
            current_runs().connections.check_room(self.caller, "socket")
        except Exception as error:
            refused = as_refused(error)
            await self.base_send({"type": "websocket.accept"})  # a code reaches browsers only after the handshake
            if refused.code is ErrorCode.RATE_LIMITED:
                await self._send_error(refused, None)
            await self._close(CLOSE_CODES.get(refused.code, CLOSE_OTHER))
            raise StopConsumer from None
        await self.base_send({"type": "websocket.accept"})
        self.rate = FrameRate(settings.MAX_FRAMES_PER_SECOND, time.monotonic())
        self.connection = current_runs().connections.add(self.caller, "socket", self._expel)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        self._let_go()
        raise StopConsumer

    def _let_go(self) -> None:
        if self.connection is not None:
            current_runs().connections.remove(self.connection)
            self.connection = None
        for task in self.following.values():
            task.cancel()

    def _expel(self) -> None:
        """The caller's credentials have ended: nothing more is read or sent here."""
        self._let_go()
        self.expelled = asyncio.get_running_loop().create_task(self._close(CLOSE_CODES[ErrorCode.UNAUTHENTICATED]))

    async def _close(self, code: int) -> None:
        await self.base_send({"type": "websocket.close", "code": code})

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self.connection is None:
            return
        frame: Frame | None = None
        in_time = self.rate.take(time.monotonic())
        try:
            text = message.get("text")
            if text is None:
                raise invalid("Frames are JSON text, not binary.")
            frame = decode(text, Frame)
            if not in_time:
                raise _too_many(settings.MAX_FRAMES_PER_SECOND, "frames a second", "MAX_FRAMES_PER_SECOND")
            await self._obey(frame)
        except StopConsumer:
            raise
        except Exception as error:
            refused = as_refused(error)
            if refused.code is ErrorCode.INTERNAL_ERROR:
                log.exception("A WebSocket command failed")
            await self._send_error(refused, frame)
        if self.rate.is_hopeless():
            self._let_go()
            await self._close(CLOSE_CODES[ErrorCode.RATE_LIMITED])

    async def _obey(self, frame: Frame) -> None:
        match frame.type:
            case "chat":
                await self._chat(frame)
            case "resume":
                resume = convert(frame.data, Resume)
                self._check_room(resume.run_id)
                at = await in_database(position, self.caller, resume.run_id, resume.after)
                self._follow(at, frame.id)
            case "cancel":
                await self._cancel(convert(frame.data, Cancel), frame.id)
            case "ping":
                await self.base_send({"type": "websocket.send", "text": PONG})
            case "disconnect":
                await self._close(1000)

    async def _chat(self, frame: Frame) -> None:
        request = convert(frame.data, ChatRequest)
        check_chat(request)
        self._check_room()
        started = await current_runs().start(self.caller, request)
        self._follow(Position(started.run_id, started.conversation_id), frame.id)

    async def _cancel(self, cancel: Cancel, frame_id: str | None) -> None:
        """Stop a run, and tell how it ended: by its stream, where this socket has it, else by its last event alone."""
        run = await in_database(find_run, self.caller, cancel.run_id)
        streams_here = run.pk in self.following
        await current_runs().cancel(run.pk)
        if not streams_here:
            entry = await in_database(terminal_entry, self.caller, run.pk)
            await self.base_send({"type": "websocket.send", "text": encode(run.pk, entry, frame_id)})

    def _check_room(self, run_id: str = "") -> None:
        """Raises Refused when this socket carries as many runs as it may, and this is not one of them."""
        if len(self.following) >= settings.MAX_OPEN_STREAMS and run_id not in map(str, self.following):
            raise _too_many(settings.MAX_OPEN_STREAMS, "runs at once on one socket", "MAX_OPEN_STREAMS")

    def _follow(self, at: Position, frame_id: str | None = None) -> None:
        """Stream a run on this socket; a second request for the same run moves the cursor."""
        if self.connection is None:  # the credentials have ended while the command was obeyed
            return
        earlier = self.following.pop(at.run_id, None)
        if earlier is not None:
            earlier.cancel()
        task = asyncio.get_running_loop().create_task(self._stream(at, frame_id))
        self.following[at.run_id] = task
        task.add_done_callback(lambda done: self._followed(at.run_id, done))

    def _followed(self, run_id: uuid.UUID, task: "asyncio.Task[None]") -> None:
        if self.following.get(run_id) is task:
            del self.following[run_id]
        if not task.cancelled() and task.exception() is not None:
            log.error("Streaming a run to a socket failed", exc_info=task.exception())

    async def _stream(self, at: Position, frame_id: str | None) -> None:
        log_context.tell_run(at.run_id)
        say = say_messages(self.scope)

        def encoded(batch: list[Entry]) -> list[str]:
            """The batch's frames; what the client called its command comes back with the first one."""
            return [encode(at.run_id, entry, None if place else frame_id) for place, entry in enumerate(batch)]

        def take(batch: list[Entry]) -> bool:
            nonlocal frame_id
            if say is None or not say(encoded(batch)):
                return False
            frame_id = None
            return True

        async with aclosing(current_runs().journal.follow(at.run_id, at.after, take)) as batches:
            async for batch in batches:
                for text in encoded(batch):
                    await self.base_send({"type": "websocket.send", "text": text})
                    frame_id = None

    async def _send_error(self, refused: Refused, frame: Frame | None) -> None:
        data: dict[str, Any] = {"error_code": refused.code.value, "error_message": refused.message}
        if refused.details:
            data["details"] = refused.details
        if refused.retry_after is not None:
            data["retry_after"] = refused.retry_after
        body: dict[str, Any] = {"type": "error", "data": data}
        if frame is not None and frame.id is not None:
            body["id"] = frame.id
        await self.base_send({"type": "websocket.send", "text": msgspec.json.encode(body).decode()})


def _too_many(most: int, what: str, name: str) -> Refused:
    message = f"At most {most} {what} are taken ({name}). Send this again later."
    return Refused(ErrorCode.RATE_LIMITED, message, retry_after=1)


def encode(run_id: uuid.UUID, entry: Entry, frame_id: str | None = None) -> str:
    """A frame around the event's own bytes. The three tool events share a type; `data.event_type` tells them apart."""
    kind = "tool_call" if entry.event_type in TOOL_EVENTS else entry.event_type
    echo = f',"id":{msgspec.json.encode(frame_id).decode()}' if frame_id is not None else ""
    return f'{{"type":"{kind}","data":{entry.body.decode()},"run_id":"{run_id}","seq":{entry.seq}{echo}}}'
