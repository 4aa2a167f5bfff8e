"""How often a name may be tried with a password."""

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from chat.models import AuditEntry, SignInTries
from chat.models.allowance import MICROSECONDS
from chat.models.sign_in import network_of
from chat.tests.rows import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def two_an_hour(settings) -> None:
    settings.RATE_LIMIT_SIGN_INS = (2, 3600)


def status(client: Client, username: str, word: str = "wrong", *, peer: str = "192.0.2.1", form: str = "login") -> int:
    """Of the answer to a sign-in with that word for a password."""
    fields = {"username": username, "password": word}
    return client.post(reverse(form), fields, HTTP_HOST="localhost", REMOTE_ADDR=peer).status_code


def blocked() -> list[str]:
    return list(AuditEntry.objects.filter(action="sign_in_blocked").values_list("object_id", flat=True))


@pytest.mark.parametrize("form", ["login", "admin:login"])
def test_beyond_the_limit_the_right_password_is_not_even_looked_at(client, form):
    alice = make_user("alice", password=PASSWORD, is_staff=True)
    assert [status(client, "alice", form=form) for _ in range(4)] == [200, 200, 429, 429]
    assert blocked() == [str(alice.pk)]
    assert status(client, "alice", PASSWORD, form=form) == 429
    SignInTries.objects.update(full_at=F("full_at") - 1800 * MICROSECONDS)
    assert status(client, "alice", PASSWORD, form=form) == 302
    assert not SignInTries.objects.exists()


def test_another_name_and_another_address_are_counted_apart(client):
    make_user("alice", password=PASSWORD)
    make_user("bob", password=PASSWORD)
    assert [status(client, "alice") for _ in range(3)][-1] == 429
    assert status(client, "bob", PASSWORD) == 302
    client.logout()
    assert status(client, "alice", PASSWORD, peer="192.0.2.2") == 302


def test_a_name_that_nobody_has_is_counted_alike_and_kept_nowhere(client):
    assert [status(client, "no one's name") for _ in range(3)] == [200, 200, 429]
    assert blocked() == [""]
    (tries,) = SignInTries.objects.all()
    assert "no one" not in str(tries) + tries.digest


def test_a_right_password_of_an_account_that_may_not_sign_in_is_a_failure(client):
    make_user("alice", password=PASSWORD)
    assert [status(client, "alice", PASSWORD, form="admin:login") for _ in range(3)] == [200, 200, 429]


def test_an_empty_form_counts_nothing(client):
    assert status(client, "alice", "") == status(client, "", "x") == 200
    assert not SignInTries.objects.exists()


def test_what_has_run_out_is_removed(client):
    status(client, "alice")
    SignInTries.objects.update(full_at=F("full_at") - 3600 * MICROSECONDS)
    status(client, "bob")
    assert SignInTries.objects.count() == 1


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_network_of_ipv6_is_one_address(peer, network):
    assert network_of(peer) == network
