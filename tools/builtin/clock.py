"""get_time: the current time of a time zone."""

import difflib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib import resources
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from tools.base import Tool, tool
from tools.exceptions import ToolError

# An abbreviation stands for the clocks of a place, summer time included: people who say EST in July mean New York.
ABBREVIATIONS = {
    "utc": "UTC",
    "gmt": "UTC",
    "z": "UTC",
    "est": "America/New_York",
    "edt": "America/New_York",
    "et": "America/New_York",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "ct": "America/Chicago",
    "mst": "America/Denver",
    "mdt": "America/Denver",
    "mt": "America/Denver",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "pt": "America/Los_Angeles",
    "akst": "America/Anchorage",
    "akdt": "America/Anchorage",
    "hst": "Pacific/Honolulu",
    "ast": "America/Halifax",
    "adt": "America/Halifax",
    "nst": "America/St_Johns",
    "brt": "America/Sao_Paulo",
    "art": "America/Argentina/Buenos_Aires",
    "bst": "Europe/London",
    "wet": "Europe/Lisbon",
    "west": "Europe/Lisbon",
    "cet": "Europe/Paris",
    "cest": "Europe/Paris",
    "eet": "Europe/Athens",
    "eest": "Europe/Athens",
    "msk": "Europe/Moscow",
    "trt": "Europe/Istanbul",
    "sast": "Africa/Johannesburg",
    "eat": "Africa/Nairobi",
    "wat": "Africa/Lagos",
    "gst": "Asia/Dubai",
    "pkt": "Asia/Karachi",
    "ist": "Asia/Kolkata",
    "ict": "Asia/Bangkok",
    "wib": "Asia/Jakarta",
    "sgt": "Asia/Singapore",
    "hkt": "Asia/Hong_Kong",
    "pht": "Asia/Manila",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "awst": "Australia/Perth",
    "acst": "Australia/Darwin",
    "acdt": "Australia/Adelaide",
    "aest": "Australia/Sydney",
    "aedt": "Australia/Sydney",
    "nzst": "Pacific/Auckland",
    "nzdt": "Pacific/Auckland",
}
CONTINENTS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip
OFFSET = re.compile(r"(?:utc|gmt)?\s*([+\N{MINUS SIGN}-])\s*(\d{1,2})(?::?([0-5]\d))?")
MAX_OFFSET = timedelta(hours=14)


def time_tool(*, now: Callable[[tzinfo], datetime] = datetime.now) -> Tool:
    """The tool. `now` gives the time in a zone."""

    @tool
    async def get_time(timezone: Annotated[str, Field(min_length=1, max_length=64)]) -> dict[str, str]:
        """Get the current date and time in a time zone.

        Args:
            timezone: IANA name ("Asia/Tokyo"), city ("Tokyo"), abbreviation ("JST") or offset ("UTC+9").
        """
        name, zone = find_zone(timezone)
        moment = now(zone)
        return {
            "timezone": name,
            "time": moment.strftime("%H:%M:%S"),
            "date": moment.strftime("%Y-%m-%d"),
            "weekday": moment.strftime("%A"),
            "utc_offset": moment.isoformat()[-6:],
        }

    return get_time


def find_zone(text: str) -> tuple[str, tzinfo]:
    """The zone that a person means, with its name; raises ToolError, with close matches, where there is none."""
    wanted = _normal(text)
    if offset := OFFSET.fullmatch(wanted):
        return _fixed_zone(text, *offset.groups())
    name = ABBREVIATIONS.get(wanted) or _zones().get(wanted)
    if name is None:
        raise ToolError(f"There is no time zone {text!r}. {_suggestion(wanted)}")
    return name, ZoneInfo(name)


def _normal(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").split())


@cache
def _zones() -> dict[str, str]:
    """IANA names by their normal form, and by the normal form of their last part where that is a place."""
    names = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    zones = {_normal(name): name for name in names}
    for name in names:
        if name.startswith(CONTINENTS):
            zones.setdefault(_normal(name.rpartition("/")[2]), name)
    return zones


def _fixed_zone(text: str, sign: str, hours: str, minutes: str | None) -> tuple[str, tzinfo]:
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset > MAX_OFFSET:
        raise ToolError(f"No time zone is as far from UTC as {text!r}; offsets go up to 14 hours")
    zone = timezone(offset if sign == "+" else -offset) if offset else UTC
    return str(zone), zone


def _suggestion(wanted: str) -> str:
    zones = _zones()
    close = difflib.get_close_matches(wanted, zones, n=3)
    if not close:
        return "Give an IANA name such as 'Europe/Paris'."
    return f"Did you mean {' or '.join(dict.fromkeys(zones[match] for match in close))}?"
