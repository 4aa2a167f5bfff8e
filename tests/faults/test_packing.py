"""Promise 13: events are packed whole or not at all, whenever the process that packs them dies."""

import asyncio
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.figures import record
from tests.faults.person import Person
from tests.faults.sizes import SIZES
from tests.faults.switches import Side, Switches
from tests.processes import ROOT
from tests.product import Product

BYTES = 400_000  # of the answer: several packs


@pytest.fixture(scope="module")
def kills() -> Iterator[list[str]]:
    """Where the killed processes had their databases."""
    places: list[str] = []
    yield places
    if places:
        record(13, f"{len(places)} kills -9 right before and right after a pack was stored, "
                   f"{places.count('postgres')} of them on PostgreSQL: "
                   "every event was read afterwards as it had been told")  # fmt: skip


async def pack(server: Product, **environment: str) -> int:
    """Pack every run that has ended; the command's exit code."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "pack_runs", "--after", "0", cwd=ROOT,
        env={**server.environment, **environment}, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await process.wait()


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
@pytest.mark.parametrize(("commit", "side"), SIZES.pack_crash_points)
async def test_no_event_is_lost_or_changed_though_the_packing_process_died_at(
    hermit: Person, alice: Person, tmp_path: Path, kills: list[str], where: str, commit: int, side: Side
):
    person = hermit if where == "sqlite" else alice
    server = person.cluster.first
    assert await pack(server) == 0  # what other tests have left
    run_id = await person.start(f"large:{uuid.uuid4()}:{BYTES}")
    await person.ended(run_id)
    told = await person.journal(run_id)
    switches = Switches(tmp_path)  # of the command alone
    switches.crash_at(commit, side, table="chat_eventpack")
    assert await pack(server, FAULT_SWITCHES=str(tmp_path)) == -signal.SIGKILL
    assert not switches.disarm()
    assert await person.journal(run_id) == told
    assert await pack(server) == 0
    assert await person.journal(run_id) == told
    kills.append(where)
