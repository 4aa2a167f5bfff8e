"""The environments of the peers, in `.peers/`: made at their first use, and again when their pins change."""

import subprocess
import venv
from pathlib import Path

from tests.processes import ROOT

FOLDER = ROOT / ".peers"
PINS = Path(__file__).with_name("peers")


class NotInstalled(Exception):
    """A peer's packages cannot be had here; says why."""


def interpreter(name: str) -> Path:
    """The interpreter that has the packages of `peers/NAME.txt`. Raises NotInstalled."""
    folder = FOLDER / name
    pins, mark = (PINS / f"{name}.txt"), folder / ".installed"
    python = folder / "bin" / "python"
    if not mark.exists() or mark.read_text() != pins.read_text():
        print(f"Installing the peer {name} …", flush=True)
        venv.create(folder, clear=True, symlinks=True, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode:
            raise NotInstalled(done.stderr.strip()[-500:])
        mark.write_text(pins.read_text())
    return python
