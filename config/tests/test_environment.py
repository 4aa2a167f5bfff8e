"""Every value that cannot work is refused with a sentence that names its setting."""

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Environment, secret_key_from_file

NOWHERE = Path("/nonexistent/.env")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch):
    """Call a method of the environment in which SETTING has this value (None: it is not set)."""

    def read(method: str, value: str | None, *arguments: object, **options: object) -> object:
        monkeypatch.delenv("SETTING", raising=False)
        if value is not None:
            monkeypatch.setenv("SETTING", value)
        return getattr(Environment(NOWHERE), method)("SETTING", *arguments, **options)

    return read


@pytest.mark.parametrize("value", [None, "", "   "])
def test_an_empty_value_counts_as_unset(read, value):
    assert read("text", value, "default") == "default"
    assert read("flag", value, True) is True
    assert read("integer", value, 7, low=1, high=9) == 7
    assert read("number", value, 0.5, low=0, high=1) == 0.5
    assert read("words", value, ("a",)) == ("a",)
    assert read("choice", value, "b", ("a", "b")) == "b"
    assert read("url", value, "http://x") == "http://x"
    assert read("origins", value) == ()
    assert read("rate", value, "60/min") == (60, 60)
    assert read("secret", value) == ""


@pytest.mark.parametrize(("words", "flag"), [("1 TRUE yes on", True), ("0 False no OFF", False)])
def test_flags_have_several_spellings(read, words, flag):
    for word in words.split():
        assert read("flag", f" {word} ", not flag) is flag


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("1/s", (1, 1)),
        ("2/sec", (2, 1)),
        ("60/min", (60, 60)),
        ("5/hour", (5, 3600)),
        ("9/day", (9, 86400)),
        ("10/15min", (10, 900)),
    ],
)
def test_rates_are_a_count_and_its_seconds(read, value, parts):
    assert read("rate", value, "1/s") == parts


def test_lists_are_split_at_commas(read):
    assert read("words", " a, b ,,c,") == ("a", "b", "c")
    assert read("origins", "https://a.example, http://localhost:3000") == ("https://a.example", "http://localhost:3000")


def test_urls_lose_their_last_slash_and_may_be_anything_with_a_host(read):
    assert read("url", "http://127.0.0.1:11434/v1/") == "http://127.0.0.1:11434/v1"
    assert read("url", "rediss://user:secret@host:1/0", schemes=("redis", "rediss")) == "rediss://user:secret@host:1/0"


@pytest.mark.parametrize(
    ("method", "value", "arguments", "options", "says"),
    [
        ("flag", "maybe", (True,), {}, "set it to 1 or 0"),
        ("flag", "2", (True,), {}, "set it to 1 or 0"),
        ("integer", "one", (1,), {"low": 0, "high": 9}, "a whole number from 0 to 9"),
        ("integer", "1.5", (1,), {"low": 0, "high": 9}, "a whole number from 0 to 9"),
        ("integer", "-1", (1,), {"low": 0, "high": 9}, "a whole number from 0 to 9"),
        ("integer", "10", (1,), {"low": 0, "high": 9}, "a whole number from 0 to 9"),
        ("number", "nan", (1,), {"low": 0, "high": 9}, "a number from 0 to 9"),
        ("number", "inf", (1,), {"low": 0, "high": 9}, "a number from 0 to 9"),
        ("number", "1,5", (1,), {"low": 0, "high": 9}, "a number from 0 to 9"),
        ("choice", "loud", ("INFO", ("DEBUG", "INFO")), {}, "one of DEBUG, INFO"),
        ("url", "localhost:8000", (), {}, "http://host… or https://host…"),
        ("url", "ftp://host", (), {}, "http://host"),
        ("url", "http://", (), {}, "http://host"),
        ("url", "http://host:99999", (), {}, "http://host"),
        ("url", "http://host:0", (), {}, "http://host"),
        ("url", "http://[::1", (), {}, "http://host"),
        ("url", "not a url", (), {}, "http://host"),
        ("origins", "https://a.example/path", (), {}, "without a path or a star"),
        ("origins", "*", (), {}, "without a path or a star"),
        ("origins", "https://*.example", (), {}, "without a path or a star"),
        ("origins", "a.example", (), {}, "without a path or a star"),
        ("rate", "60", ("1/s",), {}, "such as 60/min"),
        ("rate", "0/min", ("1/s",), {}, "such as 60/min"),
        ("rate", "-1/min", ("1/s",), {}, "such as 60/min"),
        ("rate", "10/0min", ("1/s",), {}, "or 10/15min"),
        ("rate", "60/week", ("1/s",), {}, "such as 60/min"),
        ("rate", "many/min", ("1/s",), {}, "such as 60/min"),
        ("database", "mysql://host/name", (NOWHERE,), {}, "sqlite:///path/to/file or postgres://"),
        ("database", "just-a-name", (NOWHERE,), {}, "sqlite:///path/to/file or postgres://"),
        ("database", "sqlite://:memory:", (NOWHERE,), {}, "names no database"),
        ("database", "sqlite:///", (NOWHERE,), {}, "names no database"),
        ("database", "postgres://host", (NOWHERE,), {}, "names no database"),
        ("database", "postgres://host:port/name", (NOWHERE,), {}, "sqlite:///path/to/file or postgres://"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(read, method, value, arguments, options, says):
    with pytest.raises(ImproperlyConfigured) as refused:
        read(method, value, *arguments, **options)
    assert str(refused.value).startswith("SETTING ")
    assert says in str(refused.value)


def test_passwords_in_urls_are_not_repeated(read):
    for method, value in (("url", "ftp://user:hunter2@host"), ("database", "mysql://user:hunter2@host/name")):
        arguments = (NOWHERE,) if method == "database" else ()
        with pytest.raises(ImproperlyConfigured) as refused:
            read(method, value, *arguments)
        assert "hunter2" not in str(refused.value)


def test_databases_are_files_or_postgresql(read, tmp_path):
    default = read("database", None, tmp_path / "x.sqlite3")
    assert (default["ENGINE"], default["NAME"]) == ("django.db.backends.sqlite3", str(tmp_path / "x.sqlite3"))
    postgres = read("database", "postgres://me:pw@db.example:6543/chat", NOWHERE)
    assert postgres["ENGINE"] == "django.db.backends.postgresql"
    assert (postgres["HOST"], postgres["PORT"], postgres["NAME"], postgres["USER"]) == (
        "db.example",
        6543,
        "chat",
        "me",
    )


def test_a_secret_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("  from-file\n")
    monkeypatch.setenv("SETTING", "from-environment")
    monkeypatch.setenv("SETTING_FILE", str(tmp_path / "secret"))
    assert Environment(NOWHERE).secret("SETTING") == "from-file"
    monkeypatch.setenv("SETTING_FILE", str(tmp_path / "missing"))
    with pytest.raises(ImproperlyConfigured, match=r"SETTING_FILE is .*missing.*readable file"):
        Environment(NOWHERE).secret("SETTING")


def test_lines_of_a_file_count_below_the_environment(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("SETTING_IN_FILE=file\nSETTING_IN_BOTH=file\n# a comment\n")
    monkeypatch.setenv("SETTING_IN_BOTH", "environment")
    monkeypatch.setenv("SETTING_IN_FILE", "")  # undone after the test, with what the file sets
    monkeypatch.delenv("SETTING_IN_FILE")
    environment = Environment(tmp_path / ".env")
    assert environment.text("SETTING_IN_FILE") == "file"
    assert environment.text("SETTING_IN_BOTH") == "environment"


def test_the_secret_key_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "var" / "secret_key"
    made = secret_key_from_file(path)
    assert len(made) >= 64
    assert secret_key_from_file(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_urls_hold_passwords_so_they_may_stand_in_files_and_are_known_as_secrets(monkeypatch, tmp_path):
    environment = Environment(NOWHERE)
    for method, name, url in (
        ("url", "A_URL", "redis://:red%40is-word@host:6379"),
        ("database", "B_URL", "postgres://me:post-gres-word@host/chat"),
    ):
        (tmp_path / name).write_text(url)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
        options = {"schemes": ("redis",)} if method == "url" else {"default_file": NOWHERE}
        assert getattr(environment, method)(name, **options)
    assert environment.secrets == {"red%40is-word", "red@is-word", "post-gres-word"}
    assert environment.url("C_URL", "http://host") == "http://host"
    assert len(environment.secrets) == 3
