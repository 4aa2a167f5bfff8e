"""What is documented exists, and what exists is documented."""

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from django.core.management import get_commands

from agents.errors import ErrorCode
from agents.events import Event
from tests.environment import documented_settings, product_environment
from tests.processes import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OWN_APPS = {"tools", "agents", "chat"}
# Printed by a settings dump and different by nature: it is read from a file that the first start makes.
GENERATED = {"SECRET_KEY"}
DUMP = """
import json
from config import settings
print(json.dumps({name: repr(value) for name, value in vars(settings).items() if name.isupper()}))
"""


def page(name: str) -> str:
    return (ROOT / name).read_text()


def settings_read() -> set[str]:
    return set(re.findall(r'env\.[a-z]+\(\s*"([A-Z_]+)"', page("config/settings.py")))


def settings_with(**environment: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", DUMP], cwd=ROOT, env=product_environment(**environment), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout).items()
    return {name: re.sub(" at 0x[0-9a-f]+", "", value) for name, value in shown if name not in GENERATED}


def test_the_example_environment_lists_every_setting_and_no_other() -> None:
    assert set(documented_settings()) == settings_read()


def test_the_example_environment_shows_the_defaults() -> None:
    nothing_set = dict.fromkeys(documented_settings(), "")
    assert settings_with(**documented_settings()) == settings_with(**nothing_set)


def test_each_setting_of_the_example_environment_has_a_line_above_it_that_explains_it() -> None:
    lines = page(".env.example").splitlines()
    for above, line in pairwise(lines):
        if re.match(r"#[A-Z_]+=", line):
            assert re.match(r"# (?!---).+\.$", above), line


def test_the_configuration_page_explains_every_setting_and_no_other() -> None:
    explained = set(re.findall(r"^\| `([A-Z_]+)` \|", page("docs/configuration.md"), re.MULTILINE))
    assert explained == settings_read()


def test_the_configuration_page_shows_the_defaults() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`|[^|`]*) \|", page("docs/configuration.md"), re.MULTILINE)
    shown = {name: default for name, default in rows if default}
    assert shown.items() <= documented_settings().items()


def test_the_events_page_explains_every_event_and_no_other() -> None:
    names = set(re.findall(r"^\| `([a-z_]+)` \|", page("docs/events.md"), re.MULTILINE))
    events = {str(event.__struct_config__.tag) for event in Event.__subclasses__()}
    assert names == events | {code.value for code in ErrorCode}


@pytest.mark.parametrize("code", ErrorCode)
def test_the_events_page_gives_each_error_code_its_status(code: ErrorCode) -> None:
    row = re.search(rf"^\| `{code.value}` \| (\d+)", page("docs/events.md"), re.MULTILINE)
    assert row is not None
    assert int(row[1]) == code.status


def test_the_security_page_names_a_test_for_each_control_and_every_security_test() -> None:
    rows = re.findall(r"^\| [^|]+ \| (`[^|]*test_[^|]*`) \|$", page("docs/security.md"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "tests/security").glob("test_*.py")} <= named


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_make_targets_on_the_page_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`|&& )make ([a-z-]+)", path.read_text(), re.MULTILINE)) <= targets


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_management_commands_on_the_page_exist(path: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", path.read_text()))
    assert named <= set(get_commands())


def test_every_management_command_of_the_product_is_explained() -> None:
    own = {name for name, app in get_commands().items() if app in OWN_APPS}
    text = "".join(path.read_text() for path in PAGES)
    assert {name for name in own if f"manage.py {name}" not in text} == set()


def test_every_make_target_is_explained_where_people_look_for_it() -> None:
    shown = subprocess.run(["make", "--silent", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE)) - {"install", "install-dev", "static"}
    assert {line.split()[0] for line in shown.splitlines()} == targets


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_relative_links_lead_to_files(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)", text)
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_named_on_the_page_exist(path: Path) -> None:
    folders = "agents|benchmarks|chat|config|deploy|docs|static|templates|tests|tools"
    named = re.findall(rf"`((?:{folders})/[\w./-]*\w\.\w+)`", path.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_modules_stay_short() -> None:
    ours = ["git", "ls-files", "*.py", ":!*/migrations/*"]  # Django writes migrations
    listed = subprocess.run(ours, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in listed.split() if (ROOT / name).exists()}
    assert {name: length for name, length in lengths.items() if length > 300} == {}
