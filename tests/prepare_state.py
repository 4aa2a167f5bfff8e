"""`python -m tests.prepare_state NAME…`: migrate DATABASE_URL and print an API key for each name."""

import sys

import django
from django.core.management import call_command


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    for name in sys.argv[1:]:
        call_command("create_api_key", name, scope=["chat", "agents"])


main()
