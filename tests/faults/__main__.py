"""`python -m tests.faults`: every promise in full size, and the table of figures in docs/guarantees.md.

Arguments go to pytest: `python -m tests.faults -k redis` measures one promise and keeps the other figures.
"""

import re
import sys

from tests.faults.figures import FULL_SIZE
from tests.full_size import Measured

ROW = re.compile(r"^\| (\d+) \| (.*?) \| (.*) \|$", re.MULTILINE)


def with_figures(page: str, measured: Measured) -> str:
    """The page with these figures in the rows of its table; a promise without new ones keeps what stands there."""
    return ROW.sub(lambda row: f"| {row[1]} | {row[2]} | {measured.get(row[1], row[3])} |", page)


if __name__ == "__main__":
    sys.exit(FULL_SIZE.run(sys.argv[1:], with_figures))
