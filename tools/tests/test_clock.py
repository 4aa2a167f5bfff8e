from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tools.builtin.clock import ABBREVIATIONS, find_zone, time_tool
from tools.exceptions import ToolError

SUMMER = datetime(2026, 7, 1, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("asia/tokyo", "Asia/Tokyo"),
        ("Tokyo", "Asia/Tokyo"),
        (" new  york ", "America/New_York"),
        ("new_york", "America/New_York"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("Japan", "Japan"),
        ("utc", "UTC"),
        ("Z", "UTC"),
        ("GMT", "UTC"),
        ("EST", "America/New_York"),
        ("pst", "America/Los_Angeles"),
        ("JST", "Asia/Tokyo"),
        ("AEST", "Australia/Sydney"),
        ("UTC+9", "UTC+09:00"),
        ("GMT-3", "UTC-03:00"),
        ("utc−3:30", "UTC-03:30"),
        ("+0530", "UTC+05:30"),
        ("UTC+0", "UTC"),
    ],
)
def test_a_zone_is_found_by_what_people_call_it(text, name):
    assert find_zone(text)[0] == name


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Tokio", "no time zone 'Tokio'. Did you mean Asia/Tokyo"),
        ("Europe/Pariss", "Did you mean Europe/Paris"),
        ("xyzzyxyzzy", "Give an IANA name such as 'Europe/Paris'"),
        ("UTC+15", "offsets go up to 14 hours"),
        ("../../etc/passwd", "There is no time zone"),
    ],
)
def test_an_unknown_zone_is_an_error_with_close_matches(text, error):
    with pytest.raises(ToolError, match=error):
        find_zone(text)


def test_every_abbreviation_names_a_zone():
    for name in ABBREVIATIONS.values():
        assert ZoneInfo(name).key == name


async def test_the_time_is_told_with_date_weekday_and_offset(run):
    tool = time_tool(now=SUMMER.astimezone)
    assert (await run(tool, {"timezone": "EST"})).value == {
        "timezone": "America/New_York",
        "time": "08:30:15",
        "date": "2026-07-01",
        "weekday": "Wednesday",
        "utc_offset": "-04:00",
    }
    assert (await run(tool, {"timezone": "UTC+5:30"})).value["time"] == "18:00:15"


async def test_the_clock_tells_the_present(run):
    told = (await run(time_tool(), {"timezone": "UTC"})).value
    moment = datetime.fromisoformat(f"{told['date']}T{told['time']}{told['utc_offset']}")
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 5


async def test_a_zone_has_a_length(run):
    assert "timezone" in (await run(time_tool(), {"timezone": "x" * 65})).error
    assert "timezone" in (await run(time_tool(), {"timezone": ""})).error
