"""The product's settings in the test process: what this machine's environment and `.env` say does not reach them."""

import os

from tests.environment import blank_settings

# `python -m tests.run` runs the database tests a second time, on the servers that it names here.
os.environ.update(
    blank_settings()
    | {
        "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", ""),
        "REDIS_URL": os.environ.get("TEST_REDIS_URL", ""),
        "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    }
)

from config.settings import *  # noqa: F403 - the product's own, read from the environment made above

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher"
]  # the default spends a quarter of a second a user, on purpose
