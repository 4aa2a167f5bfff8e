"""`python -m benchmarks [--quick]`: measure every server in turns, print the table; a full run also writes the docs."""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import BURST, PACED, WARM_UP, Load, Sample, measure
from benchmarks.report import write_docs
from benchmarks.servers import Field, Server, started
from benchmarks.table import table

ROUNDS, QUICK_ROUNDS = 7, 2
QUICK_WAVES = 5


def rounds(field: Field, loads: tuple[Load, ...], count: int) -> list[Sample]:
    """Measure in turns, so that what disturbs the machine disturbs every server; each round begins with another one."""
    samples = []
    for number in range(count):
        for load in loads:
            first = number % len(field.servers)
            for server in field.servers[first:] + field.servers[:first]:
                samples.append(twice(server, load))
                print(f"round {number + 1} of {count}: {_line(samples[-1])}", flush=True)
    return samples


def twice(server: Server, load: Load) -> Sample:
    """Measure; once more where a stream was refused or cut, as on a machine that is too busy with other things."""
    try:
        return measure(server, load)
    except AssertionError as failure:
        print(f"again, {server.name} failed: {str(failure)[-2000:]}", flush=True)
        return measure(server, load)


def _line(sample: Sample) -> str:
    return (
        f"{sample.load} {sample.server:6} {sample.cpu_per_token:6.1f} µs CPU/token"
        f" {sample.tokens_per_second:8.0f} tokens/s"
    )


def warm_up(field: Field) -> int:
    """Load every module and open every pool; returns how many streams each server has served."""
    for server in field.servers:
        for load in WARM_UP:
            measure(server, load)
    return sum(load.streams * load.waves for load in WARM_UP)


def check_stored(field: Field, streams: int) -> None:
    stored = field.stored()
    assert stored >= streams, f"our server has stored {stored} of {streams} answers"
    print(f"\nEvery token came, on every server; ours has stored all {stored} answers in {field.events()} events.\n")


def main(*, quick: bool) -> None:
    loads = (PACED, replace(BURST, waves=QUICK_WAVES) if quick else BURST)
    count = QUICK_ROUNDS if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, started(Path(folder)) as field:
        warmed = warm_up(field)
        samples = rounds(field, loads, count)
        check_stored(field, warmed + count * sum(load.streams * load.waves for load in loads))
    result = table(samples)
    print(result)
    if not quick:
        write_docs(result, rounds=count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under 90 seconds")
    main(quick=parser.parse_args().quick)
