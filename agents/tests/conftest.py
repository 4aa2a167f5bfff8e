"""People who ask the API: alice manages, bob converses, and a stranger shows nothing."""

from typing import Any

import pytest
from django.test import Client


def client_of(user: Any) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


@pytest.fixture
def alice(django_user_model: Any) -> Client:
    """A member of staff: a session with every scope."""
    return client_of(django_user_model.objects.create_superuser("alice", password="alice-password"))


@pytest.fixture
def bob(django_user_model: Any) -> Client:
    """A user without the scope `agents`."""
    return client_of(django_user_model.objects.create_user("bob", password="bob-password"))


@pytest.fixture
def stranger() -> Client:
    return Client(headers={"host": "localhost"}, REMOTE_ADDR="203.0.113.9")
