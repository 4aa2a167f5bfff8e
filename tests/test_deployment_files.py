"""The container set-up and the proxy: what an operator relies on holds in the files."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.environment import documented_settings
from tests.processes import ROOT

DRAIN_SECONDS = int(documented_settings()["DRAIN_SECONDS"])


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """docker-compose.yml, as the compose plugin reads it where there is one."""
    text = (ROOT / "docker-compose.yml").read_text()
    if compose_plugin():
        values = {"SECRET_KEY": "s", "POSTGRES_PASSWORD": "p", "ALLOWED_HOSTS": "chat.example.com"}
        command = ["docker", "compose", "--file", "docker-compose.yml", "config", "--format", "json"]
        done = subprocess.run(command, cwd=ROOT, env={"PATH": "/usr/bin:/usr/local/bin", **values}, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        assert set(json.loads(done.stdout)["services"]) == set(yaml.safe_load(text)["services"])
    return dict(yaml.safe_load(text))


def compose_plugin() -> bool:
    docker = shutil.which("docker")
    return bool(docker) and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def nginx() -> str:
    return (ROOT / "deploy" / "nginx.conf").read_text()


@pytest.mark.parametrize("name", ["SECRET_KEY", "POSTGRES_PASSWORD", "ALLOWED_HOSTS"])
def test_compose_refuses_to_start_without_what_has_no_safe_default(name: str) -> None:
    assert f"${{{name}:?" in (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("service", ["web", "migrate"])
def test_the_product_runs_in_production_and_open_to_nobody(compose: dict[str, Any], service: str) -> None:
    environment = compose["services"][service]["environment"]
    assert environment["PRODUCTION"] == "1"
    assert environment["OPEN_ACCESS"] == "0"
    assert environment["DATABASE_URL"].startswith("postgres://")
    assert environment["REDIS_URL"].startswith("redis://")


def test_every_setting_in_the_compose_file_exists(compose: dict[str, Any]) -> None:
    assert set(compose["services"]["web"]["environment"]) <= set(documented_settings())


@pytest.mark.parametrize("service", ["web", "migrate"])
def test_every_setting_of_the_file_of_settings_reaches_the_product_but_not_its_port(
    compose: dict[str, Any], nginx: str, service: str
) -> None:
    assert compose["services"][service]["env_file"] == [{"path": ".env", "required": False}]
    assert f"server web:{compose['services'][service]['environment']['PORT']} " in nginx


def test_servers_start_after_migrations_and_their_stores(compose: dict[str, Any]) -> None:
    assert {name: need["condition"] for name, need in compose["services"]["web"]["depends_on"].items()} == {
        "migrate": "service_completed_successfully",
        "postgres": "service_healthy",
        "redis": "service_healthy",
    }


@pytest.mark.parametrize("service", ["postgres", "redis", "proxy"])
def test_every_other_service_has_a_health_check(compose: dict[str, Any], service: str) -> None:
    assert compose["services"][service]["healthcheck"]["test"]


def test_only_the_proxy_is_reachable_and_only_from_this_machine(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"proxy": ["${PUBLISH:-127.0.0.1:8080}:80"]}


def test_a_stopping_server_has_longer_than_its_runs_get(compose: dict[str, Any]) -> None:
    assert int(compose["services"]["web"]["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS


def test_the_image_runs_the_server_as_somebody_without_rights(dockerfile: str) -> None:
    last_stage = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER chat$", last_stage, re.MULTILINE)
    assert json.loads(last_stage.rpartition("\nCMD ")[2]) == ["python", "manage.py", "serve"]
    assert "/health/ready" in last_stage.partition("HEALTHCHECK")[2]


def test_the_image_is_built_from_files_that_exist(dockerfile: str) -> None:
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source


def test_the_build_sees_the_product_and_no_secrets() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    listed = {line[1:] for line in lines if line.startswith("!")}
    assert listed >= {"agents", "chat", "config", "static", "templates", "tools", "manage.py", "requirements.txt"}
    assert not listed & {".env", "var", "tests", ".git"}
    assert all((ROOT / name).exists() for name in listed)


@pytest.mark.parametrize(
    "line",
    [
        "proxy_buffering off;",
        "gzip off;",
        "proxy_http_version 1.1;",
        "proxy_set_header Host $http_host;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_header;",
        "proxy_set_header X-Forwarded-Proto $scheme_seen;",
    ],
)
def test_the_proxy_passes_streams_and_sockets_on(nginx: str, line: str) -> None:
    assert line in nginx


def test_the_proxy_outlasts_the_heartbeat_and_lets_the_product_refuse_big_bodies(nginx: str) -> None:
    seconds = re.search(r"proxy_read_timeout (\d+)s;", nginx)
    megabytes = re.search(r"client_max_body_size (\d+)m;", nginx)
    assert seconds
    assert int(seconds[1]) > 2 * 15
    assert megabytes
    assert int(megabytes[1]) * 1024**2 > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def test_the_proxy_never_sends_a_message_twice(nginx: str) -> None:
    assert "non_idempotent" not in nginx


def test_braces_of_the_proxy_file_are_balanced(nginx: str) -> None:
    bare = re.sub(r"#.*|'[^']*'", "", nginx)
    assert bare.count("{") == bare.count("}")
