"""What a client accepts: which of two forms of a run's events it gets."""

import pytest

from chat.api.negotiation import prefers_json


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json, text/plain, */*",
        "application/*",
        "text/event-stream;q=0.5, application/json;q=0.6",
        "text/event-stream; q=0.9,application/json",
        "text/event-stream;q=0, */*",
        "text/*;q=0.2, */*;q=0.8",
        "application/json;q=0.1, text/event-stream;q=0",
    ],
)
def test_json_that_weighs_more_gives_json(accept: str):
    assert prefers_json(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/event-stream",
        "text/html",
        "application/json, text/event-stream",
        "application/json;q=0.5, text/event-stream",
        "application/json;q=0.5, */*",
        "application/json;q=0",
        "application/json;q=0, */*;q=0.1",
        "text/event-stream;q=nonsense, application/json;q=1.0",
        ";;;q=x,,/",
    ],
)
def test_all_else_gives_the_stream(accept: str):
    assert not prefers_json(accept)
