"""`python -m tests.security`: every attack in full size, and the table of figures in docs/security-figures.md.

Arguments go to pytest: `python -m tests.security -k socket` runs some of them and keeps the other figures.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.processes import ROOT
from tests.security.figures import FIGURES_FILE

PAGE = ROOT / "docs" / "security-figures.md"
TABLE = re.compile(r"(?<=\|---\|---\|\n)(?:\|.*\n)*")
ROW = re.compile(r"^\| (.*?) \| (.*) \|$", re.MULTILINE)


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="security-") as folder:
        path = Path(folder, "figures")
        path.touch()
        paths = [] if any(Path(argument.partition("::")[0]).exists() for argument in arguments) else ["tests/security"]
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *paths, *arguments]
        environment = {**os.environ, "SECURITY": "full", FIGURES_FILE: str(path)}
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
        figures = [json.loads(line) for line in path.read_text().splitlines()]
    PAGE.write_text(with_figures(PAGE.read_text(), figures))
    print(f"{len(figures)} figures in {time.monotonic() - began:.0f} s; the table is in {PAGE.relative_to(ROOT)}")
    return code


def with_figures(page: str, figures: list[dict[str, str]]) -> str:
    """The page with these figures in its table; a row without new ones stays, one that is new comes last."""
    measured = defaultdict(list)
    for figure in figures:
        measured[figure["control"]].append(figure["figure"])
    rows = dict(ROW.findall(TABLE.findall(page)[0]))
    rows |= {control: "; ".join(told) for control, told in measured.items()}
    return TABLE.sub(lambda _: "".join(f"| {control} | {told} |\n" for control, told in rows.items()), page, count=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
