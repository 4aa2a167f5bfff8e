"""What a run of these tests has measured, for the table in docs/security-figures.md: rows are named for what holds."""

from tests.full_size import FullSize
from tests.processes import ROOT

FULL_SIZE = FullSize("security", ROOT / "docs" / "security-figures.md")
record = FULL_SIZE.record
