import pytest

from tools.builtin.weather import weather_tool
from tools.tests.data_server import DataServer, answer

TOKYO = {"name": "Tokyo", "latitude": 35.69, "longitude": 139.69, "country": "Japan", "timezone": "Asia/Tokyo"}
UNITS = {"time": "iso8601", "temperature_2m": "°C", "relative_humidity_2m": "%", "wind_speed_10m": "km/h"}
NOW = {"time": "2026-03-01T09:15", "interval": 900, "temperature_2m": 11.4, "relative_humidity_2m": 81,
       "wind_speed_10m": 9.2, "weather_code": 61}  # fmt: skip


@pytest.fixture
def weather(server: DataServer):
    server.routes["/v1/search"] = answer({"results": [TOKYO], "generationtime_ms": 0.5})
    server.routes["/v1/forecast"] = answer({"current_units": UNITS, "current": NOW})
    return weather_tool(geocoding_url=server.url, forecast_url=server.url)


async def test_the_weather_of_a_city(run, server, weather):
    assert (await run(weather, {"city": "Tokyo"})).value == {
        "city": "Tokyo, Japan",
        "temperature": "11.4 °C",
        "conditions": "light rain",
        "wind": "9 km/h",
        "humidity": "81 %",
        "local_time": "2026-03-01 09:15",
    }
    (_, place, _), (_, forecast, _) = server.requests
    assert place == {"name": "Tokyo", "count": "1", "language": "en", "format": "json"}
    assert forecast == {
        "latitude": "35.69",
        "longitude": "139.69",
        "current": "temperature_2m,relative_humidity_2m,wind_speed_10m,weather_code",
        "timezone": "auto",
    }


@pytest.mark.parametrize("missing", ["nothing found", "empty list"])
async def test_an_unknown_city_is_an_error(run, server, weather, missing):
    server.routes["/v1/search"] = answer({} if missing == "nothing found" else {"results": []})
    assert (await run(weather, {"city": "Atlantis"})).error == "No city named 'Atlantis' was found"


@pytest.mark.parametrize(
    ("city", "label"),
    [
        ("Paris, France", "Paris, France"),
        ("Paris, texas", "Paris, United States"),
        ("Paris, US", "Paris, United States"),
        ("Paris, Nowhere", "Paris, France"),
    ],
)
async def test_a_country_or_state_chooses_among_cities_of_one_name(run, server, weather, city, label):
    base = {"name": "Paris", "latitude": 1.0, "longitude": 2.0}
    france = base | {"country": "France", "country_code": "FR", "admin1": "Île-de-France"}
    texas = base | {"country": "United States", "country_code": "US", "admin1": "Texas"}
    server.routes["/v1/search"] = answer({"results": [france, texas]})
    assert (await run(weather, {"city": city})).value["city"] == label
    assert server.requests[0][1] | {"name": "Paris", "count": "10"} == server.requests[0][1]


async def test_what_the_service_does_not_know_is_left_out(run, server, weather):
    server.routes["/v1/search"] = answer({"results": [{"name": "Null Island", "latitude": 0, "longitude": 0}]})
    now = {"time": "2026-03-01T09:15", "temperature_2m": -3, "weather_code": 42}
    server.routes["/v1/forecast"] = answer({"current": now})
    assert (await run(weather, {"city": "Null Island"})).value == {
        "city": "Null Island",
        "temperature": "-3 °C",
        "conditions": "weather code 42",
        "local_time": "2026-03-01 09:15",
    }


@pytest.mark.parametrize(
    ("route", "error"),
    [
        (answer({"error": True, "reason": "secret"}, status=400), "Weather service refused the request (HTTP 400)"),
        (answer({}, status=429), "Weather service takes no more requests at the moment (HTTP 429); try again later"),
        (answer({}, status=500), "Weather service is out of order (HTTP 500); try again later"),
        (answer({"current": {"time": "now"}}), "Weather service sent an answer that cannot be read"),
        (answer({"results": [{"name": 1}]}), "Weather service sent an answer that cannot be read"),
    ],
)
async def test_a_failing_service_is_a_clear_error(run, server, weather, route, error):
    server.routes["/v1/forecast"] = route
    assert (await run(weather, {"city": "Tokyo"})).error == error


async def test_an_unreachable_service_is_a_clear_error(run, dead_url):
    result = await run(weather_tool(geocoding_url=dead_url, forecast_url=dead_url), {"city": "Tokyo"})
    assert result.error == "Weather service could not be reached"


async def test_a_city_has_a_name(run, weather):
    assert "city" in (await run(weather, {"city": ""})).error
