"""What the journal stores: how fast, and in how many bytes."""

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

GOAL = "Journal"
SECONDS, ROUNDS = 3, 2
ROUNDS_SECONDS = 30
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
    ]


def journal(lab: Laboratory, database: str) -> dict[str, float]:
    command = cores.pinned([sys.executable, "-m", "benchmarks.journal_load", str(SECONDS)], cores.for_server())
    environment = lab.environment(DATABASE_URL=database)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def stored_bytes(lab: Laboratory) -> list[Row]:
    with lab.serve(OURS) as servers:
        server = servers[OURS]
        paced = per_byte_of_text(server, "paced:{}:20", few=50, many=250, streams=20)
        burst = per_byte_of_text(server, "burst:{}", few=200, many=5200, streams=4)
    return [
        Row(GOAL, "bytes of the file for each byte of text, burst", {OURS: [burst]}, (BYTES,)),
        Row(GOAL, "– paced, one token each 20 ms", {OURS: [paced]}, (BYTES,)),
    ]


def per_byte_of_text(server: Server, scenario: str, *, few: int, many: int, streams: int) -> float:
    """How much the file grows with a byte of text: long answers against short ones, so that their starts cancel out."""
    sizes = [size(server)]
    for count in (few, many):
        stream(server, Load(scenario.format(count), streams=streams))
        sizes.append(size(server))
    short, long = sizes[1] - sizes[0], sizes[2] - sizes[1]
    text = sum(len(f"t{number} ") for number in range(few, many)) * streams
    return (long - short) / text


def size(server: Server) -> int:
    """Bytes of the pages in use, those in the write-ahead log included."""
    with closing(sqlite3.connect(server.database.removeprefix("sqlite:///"))) as database:
        pages, free, page = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * page)
