"""Starting and stopping the product as an operator does it."""

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.environment import product_environment
from tests.processes import ROOT, Process, Processes, free_port
from tests.product import SETTINGS, Profile, Serve

BAD_SETTINGS = [
    ("PORT", "eighty", "a whole number from 0 to 65535"),
    ("PORT", "70000", "a whole number from 0 to 65535"),
    ("DEBUG", "maybe", "1 or 0"),
    ("PRODUCTION", "perhaps", "1 or 0"),
    ("OPEN_ACCESS", "yes please", "1 or 0"),
    ("OPENAI_BASE_URL", "localhost:11434", "http://host"),
    ("DATABASE_URL", "mysql://root@127.0.0.1/chat", "postgres://"),
    ("DATABASE_URL", "postgres://chat@127.0.0.1:5432/", "names no database"),
    ("REDIS_URL", "http://127.0.0.1:6379", "redis://host"),
    ("CORS_ALLOWED_ORIGINS", "*", "without a path or a star"),
    ("CORS_ALLOWED_ORIGINS", "https://app.example.com/chat", "without a path or a star"),
    ("WEATHER_GEOCODING_URL", "ftp://places.example.com", "http://host"),
    ("WEATHER_FORECAST_URL", "weather", "http://host"),
    ("SEARXNG_URL", "search", "http://host"),
    ("WIKIPEDIA_URL", "en.wikipedia.org", "http://host"),
    ("STOCKS_URL", "//stocks", "http://host"),
    ("MODEL_CONNECT_TIMEOUT", "soon", "a number from"),
    ("MODEL_FIRST_TOKEN_TIMEOUT", "0", "a number from"),
    ("MODEL_IDLE_TIMEOUT", "-1", "a number from"),
    ("MODEL_MAX_RETRIES", "2.5", "a whole number from"),
    ("MAX_ROUNDS", "0", "a whole number from"),
    ("STREAM_GATHER_MS", "fast", "a whole number from"),
    ("LEASE_SECONDS", "nan", "a number from"),
    ("DRAIN_SECONDS", "-5", "a number from"),
    ("RUN_EVENT_RETENTION_DAYS", "0", "a whole number from"),
    ("RATE_LIMIT_MESSAGES", "60 per minute", "such as 60/min"),
    ("RATE_LIMIT_MESSAGES", "0/min", "such as 60/min"),
    ("RATE_LIMIT_SIGN_INS", "ten", "such as 60/min"),
    ("MAX_CONCURRENT_RUNS", "none", "a whole number from"),
    ("MAX_MESSAGE_CHARS", "1e9", "a whole number from"),
    ("MAX_OUTPUT_CHARS", "-1", "a whole number from"),
    ("MAX_TOOL_CALLS", "many", "a whole number from"),
    ("MAX_TOOL_ARGUMENT_CHARS", "0", "a whole number from"),
    ("MAX_TOOL_RESULT_CHARS", "1", "a whole number from"),
    ("MAX_RUN_SECONDS", "inf", "a number from"),
    ("TOOL_MODULES", "no.such.module", "cannot be imported"),
    ("MODEL_PROVIDER_FAST_BASE_URL", "fast", "http://host"),
    ("SECRET_KEY_FILE", "/no/such/file", "a readable file"),
    ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
    ("LOG_FORMAT", "xml", "one of text, json"),
]


def manage(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=product_environment(**{**SETTINGS, **settings}),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(("name", "value", "advice"), BAD_SETTINGS)
def test_a_wrong_setting_is_refused_with_a_sentence_that_names_it(name: str, value: str, advice: str) -> None:
    done = manage("serve", **{"MODEL_PROVIDERS": "fast", name: value})
    assert done.returncode == 1
    assert done.stdout == ""
    sentence = done.stderr.strip()
    assert sentence.startswith((f"Wrong configuration. {name} ", f"Wrong configuration. {name}:"))
    assert advice in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_production_refuses_to_start_without_its_own(missing: str) -> None:
    settings = {"PRODUCTION": 1, "ALLOWED_HOSTS": "chat.example.com", missing: ""}
    done = manage("serve", **settings)
    assert done.returncode == 1
    assert done.stderr.strip() == f"Wrong configuration. PRODUCTION=1 needs {missing}: set it in the environment."


def test_a_wrong_secret_is_not_repeated() -> None:
    done = manage("serve", REDIS_URL="http://user:very-secret@127.0.0.1")
    assert done.returncode == 1
    assert "very-secret" not in done.stdout + done.stderr


def test_a_port_in_use_is_refused_with_a_sentence(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/db.sqlite3"
    assert manage("migrate", "--verbosity", "0", DATABASE_URL=database).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = manage("serve", PORT=taken.getsockname()[1], DATABASE_URL=database)
    assert done.returncode == 1
    assert "Cannot listen on 127.0.0.1:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def started(processes: Processes, tmp_path: Path) -> Process:
    """`manage.py start` on an empty database, as `make run` starts it."""
    environment = product_environment(**SETTINGS, PORT=free_port(), DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite3")
    process = processes.start("start", [sys.executable, "manage.py", "start"], env=environment)
    process.wait_for("Model:")
    return process


def test_start_makes_the_database_and_tells_where_everything_is(started: Process) -> None:
    address = next(word for word in started.log.split() if word.startswith("http://localhost:"))
    with urllib.request.urlopen(f"{address.rstrip('/').removesuffix('/admin')}/health/ready", timeout=5) as answer:
        assert answer.status == 200
    for line in ("Chat:", "API:", "Model:  the built-in demo.", "Admin:", "password:"):
        assert line in started.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_ends_cleanly_on_ctrl_c_and_on_sigterm(started: Process, number: signal.Signals) -> None:
    started.popen.send_signal(number)
    assert started.popen.wait(30) == 0
    assert "Traceback" not in started.log


def test_a_server_stops_cleanly_on_sigterm(serve: Serve, profile: Profile) -> None:
    server = serve(profile)
    assert server.stop(seconds=15) == 0
    assert "Traceback" not in server.log


SAFE = {
    "PRODUCTION": 1,
    "ALLOWED_HOSTS": "chat.example.com",
    "SECRET_KEY": "kb3Vw1xq9Zt7Yp5Rm2Nf8Lc6Hd4Gs0Aj-kb3Vw1xq9Zt7Yp5Rm2Nf8Lc6Hd4Gs0Aj",
    "DATABASE_URL": "postgres://chat@127.0.0.1:5432/chat",
    "REDIS_URL": "redis://127.0.0.1:6379",
}
UNSAFE = [
    ({"OPEN_ACCESS": 1}, "chat.W001"),
    ({"REDIS_URL": ""}, "chat.W002"),
    ({"REDIS_URL": ""}, "chat.W004"),
    ({"DATABASE_URL": "sqlite:////dev/shm/none.sqlite3"}, "chat.W003"),
    ({"DEBUG": 1}, "security.W018"),
    ({"SECRET_KEY": "short"}, "security.W009"),
]


def check_deploy(**settings: object) -> subprocess.CompletedProcess[str]:
    return manage("check", "--deploy", "--fail-level", "WARNING", **{**SAFE, **settings})


def test_the_deployment_check_accepts_a_safe_set_up() -> None:
    done = check_deploy()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("System check identified no issues")


@pytest.mark.parametrize(("settings", "problem"), UNSAFE)
def test_the_deployment_check_names_what_is_unsafe(settings: dict[str, object], problem: str) -> None:
    done = check_deploy(**settings)
    assert done.returncode == 1
    assert f"({problem})" in done.stderr
    assert "HINT" in done.stderr or problem.startswith("security")


def test_a_database_without_tables_is_refused_with_what_to_do(tmp_path: Path) -> None:
    done = manage("serve", DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert done.returncode == 1
    assert "manage.py migrate" in done.stderr
    assert "Traceback" not in done.stderr
