"""What it costs to pack a run, on DATABASE_URL: `python -m benchmarks.packing RUNS` prints one JSON object.

The runs have 200 tokens, one in each event. Of each it takes the CPU of all of it (`cpu`), and how long the part lasts
that a server leaves to the writer's thread, from which others wait (`locked`, the 99th percentile), both in seconds.
"""

import json
import sys
import time

import django

django.setup()  # the models can be imported from here on

from django.db import transaction  # noqa: E402

from benchmarks.fill import finished_run  # noqa: E402
from benchmarks.load import middle_and_tail  # noqa: E402
from chat.packing import next_pack, put_in_place  # noqa: E402

EVENTS = 202


def main(count: int) -> dict[str, float]:
    runs = [finished_run(EVENTS).pk for _ in range(count)]
    locked: list[float] = []
    cpu = time.process_time()
    for run_id in runs:
        made = next_pack(run_id)
        assert made is not None
        began = time.perf_counter()
        with transaction.atomic():
            assert put_in_place(made)
        locked.append(time.perf_counter() - began)
    return {"cpu": (time.process_time() - cpu) / count, "locked": middle_and_tail(locked)[1]}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
