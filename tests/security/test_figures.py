"""The table of figures."""

from tests.security.__main__ import with_figures
from tests.security.figures import FULL_SIZE

TABLE = "# Page\n\n| What holds | Figure |\n|---|---|\n| Frames | 5 sent |\n| Bodies | 1 sent |\n\nMore.\n"


def test_new_figures_replace_those_of_their_row_and_new_rows_come_last():
    measured = {"Frames": "9 sent", "Keys": "3 tried; 4 tried"}
    rows = "| Frames | 9 sent |\n| Bodies | 1 sent |\n| Keys | 3 tried; 4 tried |\n"
    assert with_figures(TABLE, measured) == f"# Page\n\n| What holds | Figure |\n|---|---|\n{rows}\nMore.\n"


def test_without_new_figures_the_page_stays_as_it_is():
    page = FULL_SIZE.page.read_text()
    assert with_figures(page, {}) == page
