"""The settings as a process reads them: a wrong one stops it with one sentence, production insists."""

import json
import subprocess
import sys

import pytest

from tests.environment import product_environment
from tests.processes import ROOT

PRODUCTION = {
    "PRODUCTION": 1,
    "SECRET_KEY": "production-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ-!?",
    "ALLOWED_HOSTS": "chat.example.com",
    "DATABASE_URL": "postgres://chat@127.0.0.1:9/chat",
    "REDIS_URL": "redis://127.0.0.1:9",
}
SHOW = """
import django, json
django.setup()
from django.conf import settings
names = ["OPEN_ACCESS", "DEBUG", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS",
         "CSRF_TRUSTED_ORIGINS", "MODEL_PROVIDERS"]
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


def python(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=product_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "eighty"), ("MODEL_IDLE_TIMEOUT", "-1"), ("REDIS_URL", "http://host")]
)
def test_a_wrong_setting_stops_the_process_with_one_sentence(name, value):
    done = python("manage.py", "check", **{name: value})
    assert done.returncode != 0
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 3


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_production_needs_what_it_cannot_guess(missing):
    done = python("manage.py", "check", **{**PRODUCTION, missing: ""})
    assert done.returncode != 0
    assert f"PRODUCTION=1 needs {missing}" in done.stderr


def test_production_is_strict_and_passes_djangos_own_check():
    done = python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr

    told = json.loads(
        python("-c", SHOW, **PRODUCTION, MODEL_PROVIDERS="local", MODEL_PROVIDER_LOCAL_BASE_URL="http://x").stdout
    )
    assert (told["OPEN_ACCESS"], told["DEBUG"]) == (False, False)
    assert told["SESSION_COOKIE_SECURE"]
    assert told["CSRF_COOKIE_SECURE"]
    assert told["SECURE_HSTS_SECONDS"] > 0
    assert told["CSRF_TRUSTED_ORIGINS"] == ["https://chat.example.com"]
    assert told["MODEL_PROVIDERS"]["local"] == {"base_url": "http://x", "api_key": ""}


def test_a_development_set_up_is_told_what_production_would_need():
    done = python("manage.py", "check", "--deploy")
    assert done.returncode == 0
    for problem in ("chat.W001", "chat.W002", "chat.W003"):
        assert problem in done.stderr


def test_postgresql_without_redis_is_warned_of():
    done = python("manage.py", "check", DATABASE_URL="postgres://chat@127.0.0.1:9/chat")
    assert "chat.W004" in done.stderr
    assert "chat.W004" not in python("manage.py", "check").stderr
