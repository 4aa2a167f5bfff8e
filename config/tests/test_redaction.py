"""Secrets are blotted out, however a line or a page spells them, and nothing else is."""

import json
import logging.config

import pytest
from django.views.debug import ExceptionReporter

from config.error_pages import RedactedReporter
from config.logs import logging_config
from config.redaction import BLOT, Redaction, secrets_in

SECRET = "s3cret-<&>\"'\\é"
BEGINNING = SECRET[:6]


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("sk-1234567890", {"sk-1234567890"}),
        ("postgres://me:pass%2Fword@host/db", {"pass%2Fword", "pass/word"}),
        ("redis://:p@ss@host:1", {"p@ss", "p%40ss"}),
        ("redis://host:6379", set()),
        ("postgres://me@host/db", set()),
        ("sqlite:////var/db.sqlite3", set()),
        ("", set()),
    ],
)
def test_a_url_is_secret_in_its_password_and_a_key_as_a_whole(value, secret):
    assert secrets_in(value) == secret


@pytest.mark.parametrize("spell", [str, repr, json.dumps])
def test_a_secret_is_found_in_every_spelling(spell):
    assert SECRET not in Redaction([SECRET]).text(spell({"key": SECRET}))
    assert Redaction([SECRET]).text(f"a {SECRET} b") == f"a {BLOT} b"


def test_the_longer_of_two_goes_first_and_short_ones_stay():
    assert Redaction(["secret-one", "secret-one-and-two"]).text("secret-one-and-two") == BLOT
    assert Redaction(["", "ollama"]).text("ollama says hello") == "ollama says hello"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_log_line_and_its_traceback_hold_no_secret(as_json, capfd):
    config = logging_config(level="DEBUG", json=as_json, redaction=Redaction([SECRET]))
    config["root"], config["loggers"] = {"level": "WARNING"}, {"redacted": {"handlers": ["stderr"], "propagate": False}}
    logging.config.dictConfig(config)
    try:
        raise ValueError(f"the key {SECRET} is wrong")
    except ValueError:
        logging.getLogger("redacted").exception("It said %s", SECRET)
    written = capfd.readouterr().err
    assert "ValueError" in written
    assert BLOT in written
    assert "s3cret" not in written


def test_the_page_for_developers_holds_no_secret(settings, rf):
    """Django hides what its name gives away; the rest is blotted out."""
    settings.DEBUG, settings.HARMLESS_NAME, settings.REDACTION = True, {"url": SECRET}, Redaction([SECRET])
    innocent = SECRET
    try:
        raise ValueError(f"no good: {innocent}")
    except ValueError as error:
        told = (rf.get("/"), type(error), error, error.__traceback__)
    assert BEGINNING in ExceptionReporter(*told).get_traceback_text()
    for page in (RedactedReporter(*told).get_traceback_html(), RedactedReporter(*told).get_traceback_text()):
        assert BEGINNING not in page
        assert "ValueError" in page
