"""The Python client of docs/clients.md runs unchanged. The browser ones: tests/browser/test_client_examples.py."""

import subprocess
import sys

from tests.examples import QUESTION, example
from tests.processes import ROOT
from tests.product import Profile, Serve
from tests.weather import WeatherService


def test_the_python_client_shows_text_tools_and_the_end(serve: Serve, profile: Profile) -> None:
    with WeatherService() as weather:
        server = serve(profile, **weather.settings)
        program = example("python", "aiohttp", server)
        assert QUESTION in program
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.count("\n[Tool: get_weather completed]") == 1
    assert done.stdout.count("\n[Tool: calculate completed]") == 1
    assert "42" in done.stdout
    assert done.stdout.endswith("\n[Chat completed]\n")
