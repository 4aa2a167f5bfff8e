"""What the journal stores: how fast, in how many bytes, and what it costs to pack them."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

from benchmarks import cores
from benchmarks.measure import Load, stream
from benchmarks.rounds import rounds
from benchmarks.row import Row, at_most
from benchmarks.servers import OURS, POSTGRES, Laboratory, Server
from tests.processes import ROOT
from tests.product import run

GOAL = "Journal"
SECONDS, ROUNDS = 3, 2
ROUNDS_SECONDS = 20
PACKED = 100  # runs
BYTES = at_most(3)


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    found: dict[str, dict[str, list[float]]] = {}
    for _ in rounds(1 if quick else ROUNDS, seconds=ROUNDS_SECONDS):
        for name in (OURS, POSTGRES):
            for measured, value in journal(lab, lab.database(name)).items():
                found.setdefault(measured, {}).setdefault(name, []).append(value)
    growth = {
        name: [together / alone for together, alone in zip(values, found["statements_alone"][name], strict=True)]
        for name, values in found["statements_together"].items()
    }
    ms = {name: [value * 1000 for value in values] for name, values in found["commit_p99"].items()}
    return [
        Row(GOAL, "events per second, of 100 runs", found["events_per_second"], digits=0),
        Row(GOAL, "an append until its commit, p99, ms", ms),
        Row(GOAL, "statements of a commit", found["statements_together"]),
        Row(GOAL, "– of 100 runs against one, ratio", growth, (at_most(1.01), at_most(1.01, whose=POSTGRES)), digits=2),
        *stored_bytes(lab),
        *packing(lab),
    ]


def journal(lab: Laboratory, database: str) -> dict[str, float]:
    return told_by(lab, database, "benchmarks.journal_load", SECONDS)


def packing(lab: Laboratory) -> list[Row]:
    found = {name: told_by(lab, lab.database(name), "benchmarks.packing", PACKED) for name in (OURS, POSTGRES)}
    cpu, locked = ({name: [seen[what] * 1000] for name, seen in found.items()} for what in ("cpu", "locked"))
    return [
        Row(GOAL, "packing a run of 200 tokens, CPU, ms", cpu, digits=2),
        Row(GOAL, "– for which the writer's thread is busy, p99, ms", locked, digits=2),
    ]


def told_by(lab: Laboratory, database: str, module: str, number: int) -> dict[str, float]:
    command = cores.pinned([sys.executable, "-m", module, str(number)], cores.for_server())
    environment = lab.environment(DATABASE_URL=database)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def stored_bytes(lab: Laboratory) -> list[Row]:
    with lab.serve(OURS) as servers:
        server = servers[OURS]
        paced = per_byte_of_text(lab, server, "paced:{}:20", few=50, many=250, streams=20)
        burst = per_byte_of_text(lab, server, "burst:{}", few=200, many=5200, streams=4)
    title = "used pages of the file for each byte of text, bytes, in a burst"
    return [
        Row(GOAL, f"{title}, packed", {OURS: [burst[1]]}, (BYTES,)),
        Row(GOAL, "– one token each 20 ms, packed", {OURS: [paced[1]]}, (BYTES,)),
        Row(GOAL, f"{title}, until it is packed", {OURS: [burst[0]]}),
        Row(GOAL, "– one token each 20 ms, until it is packed", {OURS: [paced[0]]}),
    ]


def per_byte_of_text(
    lab: Laboratory, server: Server, scenario: str, *, few: int, many: int, streams: int
) -> tuple[float, float]:
    """What a byte of text takes in the database, before and after packing: of long answers, less that of short ones."""
    first, grown = size(server), []
    for count in (few, many):
        stream(server, Load(scenario.format(count), streams=streams))
        written = size(server)
        run(lab.environment(DATABASE_URL=server.database), "manage.py", "pack_runs", "--after", "0")
        packed = size(server)
        grown.append((written - first, packed - first))
        first = packed
    text = sum(len(f"t{number} ") for number in range(few, many)) * streams
    (written_few, packed_few), (written_many, packed_many) = grown
    return (written_many - written_few) / text, (packed_many - packed_few) / text


def size(server: Server) -> int:
    """Bytes of the pages in use, those in the write-ahead log included."""
    with closing(sqlite3.connect(server.database.removeprefix("sqlite:///"))) as database:
        pages, free, page = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * page)
