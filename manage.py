#!/usr/bin/env python
"""Django's command line."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as missing:
        raise SystemExit("Django is not installed here. `make run` sets everything up.") from missing
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as mistake:
        raise SystemExit(f"Wrong configuration. {mistake}") from mistake


if __name__ == "__main__":
    main()
