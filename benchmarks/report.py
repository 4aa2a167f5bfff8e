"""`docs/performance.md`: the method, and the last full run's table."""

import os
import platform
from pathlib import Path
from string import Template

import psutil

from tests.processes import ROOT

TEMPLATE = Path(__file__).with_name("performance.md.template")
DOCUMENT = ROOT / "docs" / "performance.md"


def write_docs(table: str, *, rounds: int) -> None:
    text = Template(TEMPLATE.read_text()).substitute(table=table, rounds=rounds, machine=machine())
    DOCUMENT.write_text(text)
    print(f"\nWritten to {DOCUMENT.relative_to(ROOT)}.")


def machine() -> str:
    """The machine in general terms."""
    memory = round(psutil.virtual_memory().total / 2**30)
    python = f"{platform.python_implementation()} {'.'.join(platform.python_version_tuple()[:2])}"
    return f"{os.cpu_count()} cores and {memory} GiB of memory, {platform.system()}, {python}"
