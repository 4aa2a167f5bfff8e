"""Everything that the schema allows, and much that it does not, sent to every route: schemathesis against a server."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.product import Product, Serve
from tests.security.figures import record
from tests.security.sizes import IS_FULL, SIZES

CONFIG = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True)
class Attack:
    """How one run of schemathesis went."""

    code: int
    output: str
    requests: int


@pytest.fixture
def closed(serve: Serve, provider: str) -> Product:
    """A server on which nobody is somebody without a key."""
    return serve(OPEN_ACCESS=0, OPENAI_BASE_URL=provider, DEFAULT_MODEL="scripted")


def attack(server: Product, folder: Path, *options: str) -> Attack:
    report = folder / "report.json"
    what = ["--config-file", CONFIG, "run", f"{server.url}/openapi.json", "--report-json-path", report]
    how = ["--no-color", "--seed", 1, "--max-examples", SIZES.schema_examples, *options]
    command = [sys.executable, "-m", "schemathesis.cli", *what, *how]
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True)
    assert report.exists(), done.stdout + done.stderr
    requests = json.loads(report.read_text())["test_cases"]["generated"]
    return Attack(done.returncode, done.stdout, requests)


def test_with_a_key_every_answer_is_documented_and_no_route_works_without_it(closed: Product, tmp_path: Path) -> None:
    bearer = closed.bearer("alice")["Authorization"]
    done = attack(closed, tmp_path, "--header", f"Authorization: {bearer}")
    assert done.code == 0, done.output
    assert "Traceback" not in closed.log
    record("Every answer is documented, none is 5xx, no route works without its key", f"{done.requests} requests")


def test_without_a_key_every_answer_is_documented_too(closed: Product, tmp_path: Path) -> None:
    done = attack(closed, tmp_path, *([] if IS_FULL else ["--phases", "examples,fuzzing"]))
    assert done.code == 0, done.output
    assert "Traceback" not in closed.log
    record("The same for somebody without a key", f"{done.requests} requests")
