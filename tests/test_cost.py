"""What a start and a token cost, counted and not timed: whoever adds work to them learns of it here.

A real server counts what it does (see tests.counting). A bound is what was counted when it was set, and a fifth: when
the server does less, lower its bound. On a busy machine tokens share windows, and the counts are smaller.
"""

import json
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.counting import NAMES, shared
from tests.product import Product, Products

REST = 0.3  # seconds in which a server that has nothing to do does none of these
SECONDS = 4  # of waiting
# What a server does for runs that others have left behind, and for those that have ended, would be counted or not.
UNDISTURBED = {"LEASE_SECONDS": 3600, "PACK_EVENTS_AFTER_SECONDS": 1_000_000}
BUSY = [NAMES.index(name) for name in ("sends", "receives", "hops")]
STREAMS = 8
Counts = Mapping[str, float]

# What is counted of one start (with an answer of one token) over SSE, and of one with `POST /chat`; of one token of a
# fast model, of one that comes alone, of one of eight streams; and of a second of a stream that waits.
STREAM: Counts = {
    "statements": 22,
    "commits": 2.4,
    "sends": 9.2,  # each piece leaves at once: also those of an answer that is said in an instant
    "receives": 10,
    "polls": 25,
    "hops": 3.8,
    "threads": 0.1,
    "calls": 7_800,
}
WHOLE: Counts = {
    "statements": 24.1,
    "commits": 2.4,
    "sends": 7.4,
    "receives": 12.5,
    "polls": 30,
    "hops": 4.9,
    "threads": 0.1,
    "calls": 8_100,
}
FAST: Counts = {
    "statements": 0.01,
    "commits": 0.003,
    "sends": 0.005,
    "receives": 0.01,
    "polls": 0.015,
    "hops": 0.003,
    "threads": 0.001,
    "calls": 12,
}
ALONE: Counts = {
    "statements": 1.7,
    "commits": 0.2,
    "sends": 2.7,
    "receives": 4.2,
    "polls": 7.2,
    "hops": 1.5,
    "threads": 0.1,
    "calls": 800,
}
SHARED: Counts = {
    "statements": 0.16,
    "commits": 0.05,
    "sends": 1.1,
    "receives": 1.3,
    "polls": 0.65,
    "hops": 0.16,
    "threads": 0.05,
    "calls": 110,
}
WAITING: Counts = {  # with the looks for cancels, one each second
    "statements": 0.8,
    "commits": 0.2,
    "sends": 0.5,
    "receives": 0.9,
    "polls": 2.1,
    "hops": 0.5,
    "threads": 0.1,
    "calls": 850,
}
HOP_STATEMENTS = 1.3  # of a commit of events, which is handed to the writer's thread: however many runs share it
FEW = 0.1  # a token: what is done once a second beside the runs, and tokens that a busy machine gives no commit
EVENT_BYTES = 95  # of an event of text beside its text


@dataclass(frozen=True)
class Counted:
    """A server on SQLite, and its counts."""

    server: Product
    counts: "memoryview[int]"

    def opened(self, message: str, *, path: str = "/chat/stream") -> HTTPResponse:
        """The answer to a message in a conversation of its own, to be read."""
        return self._post(path, {"message": message, "reset_history": True})

    def cancel(self, run_id: str) -> None:
        self._post(f"/runs/{run_id}/cancel", {}).close()

    def _post(self, path: str, body: Mapping[str, object]) -> HTTPResponse:
        headers = {"Content-Type": "application/json", **self.server.bearer("alice")}
        request = urllib.request.Request(self.server.url + path, json.dumps(body).encode(), headers)
        while True:
            try:
                answer: HTTPResponse = urllib.request.urlopen(request, timeout=60)
            except HTTPError as refused:
                if refused.code != HTTPStatus.SERVICE_UNAVAILABLE:  # a machine that is too busy says: come back
                    raise
                time.sleep(1)
            else:
                return answer

    def ask(self, message: str, *, path: str = "/chat/stream") -> bytes:
        with self.opened(message, path=path) as answer:
            return answer.read()

    def ask_at_once(self, message: str, streams: int) -> None:
        with ThreadPoolExecutor(streams) as clients:
            for answer in clients.map(self.ask, [message] * streams):
                assert b'"chat_complete"' in answer

    def now(self) -> dict[str, int]:
        """The counts, when the server has come to rest: it still closes what the last streams have left."""
        seen: list[int] = []
        while seen != [self.counts[place] for place in BUSY]:
            seen = [self.counts[place] for place in BUSY]
            time.sleep(REST)
        return dict(zip(NAMES, self.counts, strict=True))

    def cost(self, act: Callable[[], object]) -> dict[str, int]:
        before = self.now()
        act()
        after = self.now()
        return {name: after[name] - before[name] for name in NAMES}

    def per_token(self, scenario: str, *, few: int, many: int, streams: int = 1) -> dict[str, float]:
        """What one more token costs: a long answer against a short one, so that the start cancels out."""
        short = self.cost(lambda: self.ask_at_once(scenario.format(few), streams))
        long = self.cost(lambda: self.ask_at_once(scenario.format(many), streams))
        return {name: (long[name] - short[name]) / ((many - few) * streams) for name in NAMES}

    def rows(self, query: str) -> tuple[float, ...]:
        with closing(sqlite3.connect(self.server.state.database_url.removeprefix("sqlite:///"))) as database:
            row: tuple[float, ...] = database.execute(query).fetchone()
            return row


@pytest.fixture(scope="module")
def counted(products: Products, provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    counts: Path = tmp_path_factory.mktemp("counts") / "counts"
    counts.write_bytes(bytes(8 * len(NAMES)))
    before = len(products)
    server = products.serve(
        OPENAI_BASE_URL=provider,
        TOOL_MODULES="tests.counting",
        COUNTS_FILE=counts,
        DRAIN_SECONDS=1,
        **UNDISTURBED,
    )
    counted = Counted(server, shared(counts))
    for _ in range(5):
        counted.ask("say:Hi")
        counted.ask("say:Hi", path="/chat")
    yield counted
    products.end(since=before)


def check(cost: Counts, **most: float) -> None:
    over = {name: f"{cost[name]:g} > {bound:g}" for name, bound in most.items() if cost[name] > bound}
    assert not over, f"more than it was: {over}; all counts: {dict(cost)}"


def test_the_counts_are_those_of_a_server_at_work(counted):
    cost = counted.cost(lambda: counted.ask("say:Hi"))
    assert all(cost[name] > 0 for name in ("statements", "commits", "sends", "receives", "polls", "hops", "calls"))


@pytest.mark.parametrize(("path", "most"), [("/chat/stream", STREAM), ("/chat", WHOLE)])
def test_a_start_costs_what_it_did(counted, path, most):
    starts = 20
    cost = counted.cost(lambda: [counted.ask("say:Hi", path=path) for _ in range(starts)])
    check({name: count / starts for name, count in cost.items()}, **most)


def test_a_token_of_a_fast_model_costs_next_to_nothing(counted):
    check(counted.per_token("burst:{}", few=200, many=5200), **FAST)


def test_a_token_that_comes_alone_costs_one_share_of_everything(counted):
    """One each 60 ms, so that none shares the gather window of another, and none wakes its run."""
    cost = counted.per_token("paced:{}:60", few=10, many=60)
    check(cost, **ALONE)
    assert cost["statements"] <= cost["hops"] * HOP_STATEMENTS + FEW


def test_streams_side_by_side_share_their_commits(counted):
    cost = counted.per_token("paced:{}:20", few=10, many=60, streams=STREAMS)
    check(cost, **SHARED)
    assert cost["statements"] <= cost["hops"] * HOP_STATEMENTS + FEW


def test_a_stream_that_waits_costs_nothing(counted):
    with ExitStack() as opened:
        streams = [opened.enter_context(counted.opened("stall:1")) for _ in range(STREAMS)]
        for stream in streams:
            while b"chat_chunk" not in stream.readline():
                pass
        begun, start = counted.now(), time.monotonic()
        time.sleep(SECONDS)
        waited, seconds = dict(zip(NAMES, counted.counts, strict=True)), time.monotonic() - start
        for stream in streams:
            counted.cancel(stream.headers["X-Run-Id"])
    check({name: (waited[name] - begun[name]) / seconds / STREAMS for name in NAMES}, **WAITING)


def test_nothing_is_kept_of_an_answers_tokens(counted):
    tokens = 5_000
    counted.ask(f"burst:{tokens}")
    check(counted.cost(lambda: counted.ask(f"burst:{tokens}")), blocks=tokens / 2)


def test_events_are_stored_in_few_bytes(counted):
    """Beside its text an event holds its type, number and time."""
    counted.ask_at_once("paced:60:20", STREAMS)
    events, stored, text = counted.rows(
        "SELECT count(*), sum(length(CAST(body AS BLOB))), sum(length(CAST(json_extract(body, '$.content') AS BLOB)))"
        " FROM chat_runevent WHERE event_type = 'chat_chunk'"
    )
    assert (stored - text) / events <= EVENT_BYTES
