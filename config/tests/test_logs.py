"""Log lines: readable or JSON, and never with what people wrote."""

import json
import logging
import sys

import pytest

from config.logs import logging_config
from config.redaction import Redaction


def line(record: logging.LogRecord, *, as_json: bool) -> str:
    options = dict(logging_config(level="INFO", json=as_json, redaction=Redaction([]))["formatters"]["line"])
    return options.pop("()")(**options).format(record)


def failure() -> logging.LogRecord:
    """The record of an exception in whose frame a person's message is a local variable."""
    message = "what a person wrote"
    try:
        len(message) / 0
    except ZeroDivisionError:
        return logging.LogRecord("chat.runs", logging.ERROR, __file__, 1, "Run %s failed", ("x1",), sys.exc_info())
    raise AssertionError


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_local_variables(as_json):
    told = line(failure(), as_json=as_json)
    assert "ZeroDivisionError" in told
    assert "Run x1 failed" in told
    assert "what a person wrote" not in told


def test_json_lines_are_one_object_each():
    told = line(failure(), as_json=True)
    assert "\n" not in told
    fields = json.loads(told)
    assert (fields["event"], fields["level"], fields["logger"]) == ("Run x1 failed", "error", "chat.runs")
    assert fields["timestamp"].endswith("Z")


def test_text_lines_have_no_colours():
    assert "\x1b[" not in line(failure(), as_json=False)
