"""get_weather: the current weather of a place, from Open-Meteo."""

from typing import Annotated

import msgspec
from pydantic import Field

from tools.base import Tool, tool
from tools.builtin.fetch import fetch_json
from tools.exceptions import ToolError

SERVICE = "Weather service"
CURRENT = "temperature_2m,relative_humidity_2m,wind_speed_10m,weather_code"
CANDIDATES = 10  # places of one name to choose from, where the country is given too

# WMO code table 4677, as far as Open-Meteo uses it.
CONDITIONS = {
    0: "clear sky",
    1: "mainly clear",
    2: "partly cloudy",
    3: "overcast",
    45: "fog",
    48: "freezing fog",
    51: "light drizzle",
    53: "drizzle",
    55: "heavy drizzle",
    56: "light freezing drizzle",
    57: "freezing drizzle",
    61: "light rain",
    63: "rain",
    65: "heavy rain",
    66: "light freezing rain",
    67: "freezing rain",
    71: "light snow",
    73: "snow",
    75: "heavy snow",
    77: "snow grains",
    80: "light rain showers",
    81: "rain showers",
    82: "violent rain showers",
    85: "light snow showers",
    86: "heavy snow showers",
    95: "thunderstorm",
    96: "thunderstorm with light hail",
    99: "thunderstorm with heavy hail",
}


class Place(msgspec.Struct):
    name: str
    latitude: float
    longitude: float
    country: str | None = None
    country_code: str | None = None
    admin1: str | None = None

    @property
    def label(self) -> str:
        return f"{self.name}, {self.country}" if self.country else self.name

    def is_in(self, region: str) -> bool:
        """Whether the region (any case) is this place's country, country code or first-level area."""
        return region.casefold() in {part.casefold() for part in (self.country, self.country_code, self.admin1) if part}


class Places(msgspec.Struct):
    results: list[Place] = []


class Units(msgspec.Struct):
    temperature_2m: str = "°C"
    wind_speed_10m: str = "km/h"


class Current(msgspec.Struct):
    time: str
    temperature_2m: float
    weather_code: int
    wind_speed_10m: float | None = None
    relative_humidity_2m: float | None = None


class Forecast(msgspec.Struct):
    current: Current
    current_units: Units = msgspec.field(default_factory=Units)


def weather_tool(*, geocoding_url: str, forecast_url: str) -> Tool:
    """The tool, for an Open-Meteo geocoding and an Open-Meteo forecast server (base URLs)."""

    @tool
    async def get_weather(city: Annotated[str, Field(min_length=1, max_length=100)]) -> dict[str, str]:
        """Get the current weather of a city.

        Args:
            city: Name of the city, in any language; a country or state may follow: "Paris, France".
        """
        place = await _find(geocoding_url, city)
        params = {
            "latitude": str(place.latitude),
            "longitude": str(place.longitude),
            "current": CURRENT,
            "timezone": "auto",
        }
        forecast = await fetch_json(f"{forecast_url}/v1/forecast", Forecast, service=SERVICE, params=params)
        return _report(place, forecast)

    return get_weather


async def _find(geocoding_url: str, city: str) -> Place:
    name, _, region = (part.strip() for part in city.partition(","))
    count = CANDIDATES if region else 1
    params = {"name": name, "count": str(count), "language": "en", "format": "json"}
    places = await fetch_json(f"{geocoding_url}/v1/search", Places, service=SERVICE, params=params)
    if not places.results:
        raise ToolError(f"No city named {city!r} was found")
    return next((place for place in places.results if place.is_in(region)), places.results[0])


def _report(place: Place, forecast: Forecast) -> dict[str, str]:
    current, units = forecast.current, forecast.current_units
    report = {
        "city": place.label,
        "temperature": f"{current.temperature_2m:g} {units.temperature_2m}",
        "conditions": CONDITIONS.get(current.weather_code, f"weather code {current.weather_code}"),
    }
    if current.wind_speed_10m is not None:
        report["wind"] = f"{current.wind_speed_10m:.0f} {units.wind_speed_10m}"
    if current.relative_humidity_2m is not None:
        report["humidity"] = f"{current.relative_humidity_2m:.0f} %"
    return report | {"local_time": current.time.replace("T", " ")}
