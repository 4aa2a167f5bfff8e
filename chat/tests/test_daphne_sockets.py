"""Reading that waits for the application, and pongs that wait for the reader."""

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.testing import StringTransport

from chat.daphne_sockets import MAX_INBOX, BoundedSocket, Inbox

FRAME = {"type": "websocket.receive", "text": "{}"}


@pytest.fixture
def transport() -> StringTransport:
    return StringTransport()


@pytest.fixture
def inbox(transport: StringTransport) -> Inbox:
    return Inbox(SimpleNamespace(transport=transport))  # type: ignore[arg-type]


async def test_a_full_inbox_stops_reading_until_it_is_empty(inbox: Inbox, transport: StringTransport):
    for _ in range(MAX_INBOX - 1):
        inbox.put_nowait(FRAME)
    assert transport.producerState == "producing"
    inbox.put_nowait(FRAME)
    assert transport.producerState == "paused"
    for _ in range(MAX_INBOX - 1):
        assert await inbox.get() == FRAME
    assert transport.producerState == "paused"
    await inbox.get()
    assert transport.producerState == "producing"


@pytest.mark.parametrize(("room", "answers"), [(True, [b"there?"]), (False, [])])
def test_a_ping_is_answered_only_while_the_client_reads(room: bool, answers: list[bytes]):
    class Socket(BoundedSocket):
        state = BoundedSocket.STATE_OPEN
        server = SimpleNamespace(has_room=lambda _: room)

        def sendPong(self, payload: bytes) -> None:  # noqa: N802 - autobahn's name
            sent.append(payload)

    sent: list[Any] = []
    Socket().onPing(b"there?")
    assert sent == answers


@pytest.mark.parametrize(("full", "cut"), [(True, False), (False, True)])
def test_a_client_that_is_not_read_is_not_cut_for_its_silence(inbox: Inbox, full: bool, cut: bool):
    class Socket(BoundedSocket):
        dropped = False

        def dropConnection(self, abort: bool = False) -> None:  # noqa: N802 - autobahn's name
            self.dropped = True

    socket = Socket()
    socket.inbox, inbox.is_full = inbox, full
    socket.onAutoPingTimeout()
    assert socket.dropped is cut
