"""The product's settings as the environment spells them, and an environment in which this machine sets none of them."""

import os
import re

from tests.processes import ROOT

# Nothing listens there: a tool that a test has not pointed elsewhere fails at once instead of reaching the internet.
NOWHERE = "http://127.0.0.1:9"
TOOL_SERVICES = ("WEATHER_GEOCODING_URL", "WEATHER_FORECAST_URL", "SEARXNG_URL", "WIKIPEDIA_URL", "STOCKS_URL")


def documented_settings() -> dict[str, str]:
    """Name -> default value, as .env.example lists them, commented out."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line[1:].split("=", 1) for line in lines if re.match(r"#[A-Z_]+=", line))


def blank_settings() -> dict[str, str]:
    """Every setting empty, which counts as unset and hides the lines of a developer's `.env`."""
    return dict.fromkeys(documented_settings(), "") | dict.fromkeys(TOOL_SERVICES, NOWHERE)


def product_environment(**settings: object) -> dict[str, str]:
    """The environment of a product process: this one's, with only the given settings set."""
    given = {name: str(value) for name, value in settings.items()}
    return {**os.environ, **blank_settings(), "DJANGO_SETTINGS_MODULE": "config.settings", **given}
