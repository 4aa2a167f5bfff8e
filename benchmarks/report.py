"""`docs/performance.md`: the method, and the last full run's tables."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

import psutil

from benchmarks.row import Row
from benchmarks.table import tables, verdict
from tests.processes import ROOT

TEMPLATE = Path(__file__).with_name("performance.md.template")
DOCUMENT = ROOT / "docs" / "performance.md"


def write_docs(rows: Sequence[Row], missing: Mapping[str, str], *, seconds: float) -> None:
    text = Template(TEMPLATE.read_text()).substitute(
        tables=tables(rows).replace("### ", "## "),
        verdict=verdict(rows),
        missing="".join(f"{name} could not be installed, and is missing. " for name in missing),
        minutes=round(seconds / 60),
        machine=machine(),
    )
    DOCUMENT.write_text(text)
    print(f"\nWritten to {DOCUMENT.relative_to(ROOT)}.")


def machine() -> str:
    """The machine in general terms."""
    memory = round(psutil.virtual_memory().total / 2**30)
    python = f"{platform.python_implementation()} {'.'.join(platform.python_version_tuple()[:2])}"
    return f"{os.cpu_count()} cores and {memory} GiB of memory, {platform.system()}, {python}"
