"""The journal alone, on DATABASE_URL: `python -m benchmarks.journal_load SECONDS` prints one JSON object, see `Seen`.

First one run appends event after event, then a hundred do; each waits for its commit before it goes on.
"""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import django

django.setup()  # the models can be imported from here on

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402

from agents.events import ChatChunk  # noqa: E402
from benchmarks.load import middle_and_tail  # noqa: E402
from chat.journal import Journal  # noqa: E402
from chat.models import Run  # noqa: E402
from chat.tests.rows import make_conversation, make_run  # noqa: E402

RUNS = 100


@dataclass
class Seen:
    """Events a second and how long an append took to commit (seconds), of all runs; statements of each commit."""

    events_per_second: float
    commit_p50: float
    commit_p99: float
    statements_alone: float
    statements_together: float


class Counter:
    """How many statements the writer's thread has sent, in how many commits."""

    def __init__(self) -> None:
        self.statements = self.commits = 0

    def statement(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.statements += 1
        return execute(*arguments)

    def commit(self, _: dict[uuid.UUID, int]) -> None:
        self.commits += 1

    def per_commit(self) -> float:
        """Since the last time that somebody asked."""
        found = self.statements / max(1, self.commits)
        self.statements = self.commits = 0
        return found


def make_runs() -> list[Run]:
    owner = get_user_model().objects.get_or_create(username="local")[0]
    return [make_run(make_conversation(owner)) for _ in range(RUNS)]


async def main(seconds: float) -> Seen:
    counter = Counter()
    journal = Journal(gather=0.025, on_stored=counter.commit)
    runs = await journal.execute(make_runs)
    await journal.execute(lambda: connection.execute_wrappers.append(counter.statement))
    counter.per_commit()
    lives = [journal.open(run.pk, epoch=run.epoch) for run in runs]

    async def write(number: int, until: float) -> list[float]:
        took = []
        while (begun := time.monotonic()) < until:
            await journal.append(lives[number], [ChatChunk(content="word ")])
            took.append(time.monotonic() - begun)
        return took

    await write(0, time.monotonic() + seconds / 3)
    alone = counter.per_commit()
    begun = time.monotonic()
    took = [each for times in await asyncio.gather(*(write(n, begun + seconds) for n in range(RUNS))) for each in times]
    seen = Seen(len(took) / (time.monotonic() - begun), *middle_and_tail(took), alone, counter.per_commit())
    await journal.drain()
    return seen


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(main(float(sys.argv[1]))))))
