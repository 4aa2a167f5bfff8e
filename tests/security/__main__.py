"""`python -m tests.security`: every attack in full size, and the table of figures in docs/security-figures.md.

Arguments go to pytest: `python -m tests.security -k socket` runs some of them and keeps the other figures.
"""

import re
import sys

from tests.full_size import Measured
from tests.security.figures import FULL_SIZE

TABLE = re.compile(r"(?<=\|---\|---\|\n)(?:\|.*\n)*")
ROW = re.compile(r"^\| (.*?) \| (.*) \|$", re.MULTILINE)


def with_figures(page: str, measured: Measured) -> str:
    """The page with these figures in its table; a row without new ones stays, one that is new comes last."""
    rows = {**dict(ROW.findall(TABLE.findall(page)[0])), **measured}
    return TABLE.sub(lambda _: "".join(f"| {control} | {told} |\n" for control, told in rows.items()), page, count=1)


if __name__ == "__main__":
    sys.exit(FULL_SIZE.run(sys.argv[1:], with_figures))
