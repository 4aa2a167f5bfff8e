"""What is pinned and what is installed: nothing older than the last release that mended a hole."""

import re
from importlib.metadata import version

import pytest

from tests.processes import ROOT

FLOORS = {"django": (5, 2, 14), "daphne": (4, 2, 2)}


@pytest.mark.parametrize("package", FLOORS)
def test_a_package_is_not_older_than_its_last_hole(package: str) -> None:
    (pinned,) = re.findall(rf"(?m)^{package}==([\d.]+)$", (ROOT / "requirements.txt").read_text())
    assert pinned == version(package)
    assert tuple(map(int, pinned.split("."))) >= FLOORS[package]


def test_everything_that_the_server_needs_has_an_exact_version() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
        loose = [
            line for line in lines if line and not line.startswith("-") and not re.fullmatch(r"[\w.\[\],-]+==\S+", line)
        ]
        assert loose == [], name


def test_every_rule_of_the_linter_that_is_switched_off_says_why() -> None:
    settings = (ROOT / "pyproject.toml").read_text()
    section = settings[settings.index("[tool.ruff.lint.per-file-ignores]") : settings.index("[tool.ruff.lint.mccabe]")]
    assert [line for line in section.splitlines()[1:] if '"S' in line and "#" not in line] == []
    code = [path for app in ("config", "tools", "agents", "chat") for path in (ROOT / app).rglob("*.py")]
    silenced = [
        line.strip() for path in code for line in path.read_text().splitlines() if re.search(r"noqa: S\d", line)
    ]
    assert [line for line in silenced if not re.search(r"noqa: S[\d, S]+ - \w", line)] == []
