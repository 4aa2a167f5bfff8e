"""Running a package of tests in full size."""

from pathlib import Path

from tests.faults.__main__ import with_figures
from tests.faults.figures import FULL_SIZE as FAULTS
from tests.full_size import FullSize, Measured

PROMISES = "| 1 | Nothing is lost | 3 runs |\n| 12 | Nothing is told twice | not measured yet |\n"
MEASURING = """
from tests.full_size import FullSize

SIZE = FullSize("imagined", None)


def test_a_promise():
    assert SIZE.is_on
    SIZE.record(1, "9 runs")
    SIZE.record(1, "1 kill")


def test_that_fails():
    assert not SIZE.is_on
"""


def test_a_run_in_full_size_is_on_and_puts_what_was_recorded_into_the_page(tmp_path: Path, capfd):
    tests, page = tmp_path / "test_measuring.py", tmp_path / "page.md"
    tests.write_text(MEASURING)
    page.write_text("nothing yet")

    def with_figures(text: str, measured: Measured) -> str:
        return f"{text}, then {dict(measured)}"

    code = FullSize("imagined", page).run([str(tests), "-q", "--rootdir", str(tmp_path)], with_figures)
    assert "1 failed, 1 passed" in capfd.readouterr().out
    assert code == 1
    assert page.read_text() == "nothing yet, then {'1': '9 runs; 1 kill'}"


def test_nothing_is_recorded_where_nobody_asks(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("OTHER_FIGURES", str(tmp_path / "figures"))
    size = FullSize("imagined", tmp_path / "page.md")
    size.record(1, "9 runs")
    assert not size.is_on
    assert list(tmp_path.iterdir()) == []


def test_a_promise_keeps_its_figure_until_there_is_a_new_one():
    assert with_figures(PROMISES, {"12": "5 | 6"}) == PROMISES.replace("not measured yet", "5 | 6")
    page = FAULTS.page.read_text()
    assert with_figures(page, {}) == page
