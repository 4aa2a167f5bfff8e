"""The loop without Django: the example of docs/agents.md, in a process without settings."""

import os
import re
import subprocess
import sys

from django.conf import settings

PAGE = (settings.BASE_DIR / "docs" / "agents.md").read_text(encoding="utf-8")
NO_FRAMEWORK = """
import sys
loaded = {"django", "rest_framework", "channels", "daphne"} & set(sys.modules)
assert not loaded, loaded
"""


def run_alone(code: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_the_page_runs_as_it_stands():
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    events = [line.partition("(")[0] for line in run_alone(example + NO_FRAMEWORK).splitlines()]
    assert events == ["ToolCallStart", "ToolCallComplete", "ChatChunk", "ChatComplete"]
    for event in events:
        assert f"`{event}`" in PAGE


def test_the_client_of_real_models_needs_no_framework_either():
    run_alone("import agents.llm.openai" + NO_FRAMEWORK)
