"""Reads settings from the environment. A value that cannot work is refused with a sentence that says what to set."""

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config.redaction import secrets_in

T = TypeVar("T")
MASKED = "(value hidden)"


class Environment:
    """The process's environment and, below it, the lines of one `.env` file."""

    def __init__(self, env_file: Path) -> None:
        self._env = environ.Env()
        self.secrets: set[str] = set()  # what has been read of them so far
        if env_file.is_file():
            environ.Env.read_env(env_file)

    def text(self, name: str, default: str = "") -> str:
        """The value without surrounding space; an empty value counts as unset."""
        return str(self._env.str(name, default="")).strip() or default

    def secret(self, name: str) -> str:
        """A secret from NAME, or from the file that NAME_FILE names."""
        value = self._from_file(name) or self.text(name)
        self.secrets |= secrets_in(value)
        return value

    def _from_file(self, name: str) -> str:
        path = self.text(f"{name}_FILE")
        if not path:
            return ""
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE is {path!r}, which cannot be read: set it to a readable file."
            ) from error

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name, "1" if default else "0").lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise ImproperlyConfigured(f"{name} is {value!r}: set it to 1 or 0.")

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        return self._number(name, default, int, low, high)

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        return self._number(name, default, float, low, high)

    def _number(self, name: str, default: T, kind: Callable[[str], T], low: Any, high: Any) -> T:
        value = self.text(name, str(default))
        noun = "a whole number" if kind is int else "a number"
        try:
            number = kind(value)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            raise ImproperlyConfigured(f"{name} is {value!r}: set it to {noun} from {low} to {high}.")
        return number

    def words(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A comma-separated list."""
        return tuple(word.strip() for word in self.text(name).split(",") if word.strip()) or default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise ImproperlyConfigured(f"{name} is {value!r}: set it to one of {', '.join(choices)}.")
        return value

    def url(self, name: str, default: str = "", *, schemes: tuple[str, ...] = ("http", "https")) -> str:
        """A URL. It may hold a password, so it is read like a secret."""
        value = (self.secret(name) or default).rstrip("/")
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable:
            forms = " or ".join(f"{scheme}://host…" for scheme in schemes)
            raise ImproperlyConfigured(f"{name} is {MASKED if '@' in value else repr(value)}: set it to {forms}.")
        return value

    def origins(self, name: str) -> tuple[str, ...]:
        """A list of origins: scheme://host[:port], without a path."""
        origins = self.words(name)
        for origin in origins:
            if not re.fullmatch(r"https?://[^/*\s]+", origin):
                raise ImproperlyConfigured(
                    f"{name} holds {origin!r}: list origins such as https://app.example.com, without a path or a star."
                )
        return origins

    def rate(self, name: str, default: str) -> tuple[int, int]:
        """`60/min` -> (60, 60), `10/15min` -> (10, 900): how many, in how many seconds."""
        value = self.text(name, default)
        match = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,2})?(s|sec|min|hour|day)", value)
        if not match:
            raise ImproperlyConfigured(
                f"{name} is {value!r}: set it to a count per sec, min, hour or day, such as 60/min or 10/15min."
            )
        unit = {"s": 1, "sec": 1, "min": 60, "hour": 3600, "day": 86400}[match[3]]
        return int(match[1]), int(match[2] or 1) * unit

    def database(self, name: str, default_file: Path) -> dict[str, Any]:
        """Django's database settings for a sqlite:/// or postgres:// URL."""
        value = self.secret(name) or f"sqlite:///{default_file}"
        scheme = value.partition(":")[0]
        if scheme not in {"sqlite", "postgres", "postgresql"}:
            raise ImproperlyConfigured(
                f"{name} begins with {scheme!r}: set it to sqlite:///path/to/file or postgres://user:password@host:5432/name."
            )
        try:
            config = dict(self._env.db_url_config(value))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} cannot be read: set it to sqlite:///path/to/file or postgres://user:password@host:5432/name."
            ) from error
        if not config.get("NAME") or config["NAME"] == ":memory:":
            raise ImproperlyConfigured(f"{name} names no database: end it with a file's path or the database's name.")
        return config


def secret_key_from_file(path: Path) -> str:
    """The project's own secret key, made at the first start, in a file that only its owner can read."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_urlsafe(64)
    try:
        with open(path, "x", opener=_private) as file:
            file.write(key)
    except FileExistsError:  # another process was first
        return path.read_text().strip()
    return key


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
