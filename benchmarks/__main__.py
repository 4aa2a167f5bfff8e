"""`python -m benchmarks [--quick] [--only PART …]`: measure, and print every goal as a row.

A whole run also writes docs/performance.md.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import capacity, cluster, cold, first, growth, journal, memory, replay, side_by_side, starts, tokens
from benchmarks.report import write_docs
from benchmarks.rounds import end_after
from benchmarks.row import Row
from benchmarks.servers import Laboratory, laboratory
from benchmarks.table import tables, verdict

PARTS: Mapping[str, Callable[..., list[Row]]] = {
    "tokens": tokens.rows,
    "first": first.rows,
    "capacity": capacity.rows,
    "memory": memory.rows,
    "starts": starts.rows,
    "tools": side_by_side.rows,
    "growth": growth.rows,
    "replay": replay.rows,
    "journal": journal.rows,
    "cluster": cluster.rows,
    "cold": cold.rows,
}
ROUNDS_SECONDS = 360.0  # what is left of ten minutes is enough for one round of each part that comes late
QUICK = ("tokens", "first", "starts", "tools", "replay", "cold")  # the others need minutes


def run(lab: Laboratory, names: list[str], *, quick: bool) -> list[Row]:
    found: list[Row] = []
    for name in names:
        begun = time.monotonic()
        try:
            rows = PARTS[name](lab, quick=quick)
        except AssertionError as failure:  # the other parts can be measured all the same
            rows = [Row(name, "could not be measured", {}, failed=True)]
            print(f"\n{name} failed: {str(failure)[-4000:]}")
        print(f"\n{tables(rows)}\n({name}: {time.monotonic() - begun:.0f} s)", flush=True)
        found += rows
    return found


def main(given: Any) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was started ends with us
    names = given.only or [name for name in PARTS if not given.quick or name in QUICK]
    begun = time.monotonic()
    end_after(ROUNDS_SECONDS)
    with laboratory() as lab:
        rows = run(lab, names, quick=given.quick)
        for name, reason in lab.missing.items():
            print(f"\n{name} cannot be installed here: {reason}")
    seconds = time.monotonic() - begun
    print(f"\n{verdict(rows)}\n\n{seconds:.0f} s")
    if any(row.failed for row in rows):
        sys.exit("Some parts could not be measured.")
    if not given.quick and not given.only:
        write_docs(rows, lab.missing, seconds=seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and servers: under 90 seconds")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="these parts, without writing the document")
    main(parser.parse_args(sys.argv[1:]))
