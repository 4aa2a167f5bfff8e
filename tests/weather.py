"""A weather service on loopback: every place is Tokyo, and it is always the same day there."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

TOKYO = {"name": "Tokyo", "latitude": 35.69, "longitude": 139.69, "country": "Japan", "country_code": "JP"}
NOW = {"temperature_2m": 21.5, "relative_humidity_2m": 40, "wind_speed_10m": 9.0, "weather_code": 2}
UNITS = {"temperature_2m": "°C", "relative_humidity_2m": "%", "wind_speed_10m": "km/h", "weather_code": "wmo code"}
ANSWERS = {
    "/v1/search": {"results": [TOKYO]},
    "/v1/forecast": {"timezone": "Asia/Tokyo", "current": {"time": "2025-01-01T12:00", **NOW}, "current_units": UNITS},
}


class WeatherService:
    """Use it as a context manager."""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def settings(self) -> dict[str, str]:
        """What makes a server ask here."""
        url = f"http://127.0.0.1:{self._server.server_port}"
        return {"WEATHER_GEOCODING_URL": url, "WEATHER_FORECAST_URL": url}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(ANSWERS[urlsplit(self.path).path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing: tests read what the product says."""
