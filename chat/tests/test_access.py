"""Who is asking: details of the one door that need no server."""

import base64
import hashlib
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from agents.errors import ErrorCode
from chat.access import Caller, authenticate
from chat.credentials import Credentials
from chat.exceptions import Refused
from chat.models import ApiKey
from chat.models.access import USED_RESOLUTION
from chat.tests.rows import make_user

pytestmark = pytest.mark.django_db


def shown(**changes) -> Credentials:
    """A request from this machine itself, with changes."""
    values = {"headers": {}, "peer": "127.0.0.1", "host": "localhost:8000", "secure": False, "websocket": False}
    return Credentials(**{**values, **changes})


def code_of(credentials: Credentials) -> ErrorCode:
    with pytest.raises(Refused) as refused:
        authenticate(credentials)
    return refused.value.code


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_has_three_addresses(peer):
    assert shown(peer=peer).is_local


@pytest.mark.parametrize("peer", ["", "203.0.113.9", "192.168.0.7", "10.0.0.1", "::ffff:203.0.113.9", "0.0.0.0"])  # noqa: S104 - a value
def test_another_peer_is_not_local_whatever_it_says(peer):
    assert not shown(peer=peer).is_local
    assert code_of(shown(peer=peer)) is ErrorCode.UNAUTHENTICATED


def test_the_local_caller_has_every_scope():
    caller = authenticate(shown())
    assert (caller.username, caller.via, caller.scopes) == ("local", "local", {"chat", "agents"})


def test_open_access_can_be_switched_off(settings):
    settings.OPEN_ACCESS = False
    assert code_of(shown()) is ErrorCode.UNAUTHENTICATED


def test_without_its_user_open_access_is_nobody(django_user_model):
    django_user_model.objects.filter(username="local").update(is_active=False)
    assert code_of(shown()) is ErrorCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("origin", "secure", "own"),
    [
        ("http://localhost:8000", False, True),
        ("HTTP://LOCALHOST:8000", False, True),
        ("https://localhost:8000", True, True),
        ("https://localhost:8000", False, False),
        ("http://localhost:8000", True, False),
        ("http://localhost", False, False),
        ("http://localhost:x", False, False),
        ("null", False, False),
    ],
)
def test_the_own_origin_is_compared_with_scheme_and_port(origin, secure, own):
    credentials = shown(headers={"origin": origin}, secure=secure)
    assert credentials.origin_is_own is own
    assert credentials.is_local is own


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_request_that_a_page_from_elsewhere_makes_without_an_origin_is_not_local(site):
    loads = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    visits = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    get, post = RequestFactory().get("/"), RequestFactory().post("/")
    assert not shown(headers=loads, request=get).is_local
    assert not shown(headers=visits | {"sec-fetch-dest": "iframe"}, request=get).is_local
    assert not shown(headers=visits, request=post).is_local
    assert shown(headers=visits, request=get).is_local
    for own in ("same-origin", "none"):
        assert shown(headers=loads | {"sec-fetch-site": own}, request=get).is_local


def test_a_socket_that_shows_cookies_and_no_origin_is_not_local():
    assert shown(websocket=True).is_local
    assert not shown(websocket=True, headers={"cookie": "other=1"}).is_local
    assert shown(websocket=True, headers={"cookie": "other=1", "origin": "http://localhost:8000"}).is_local


@pytest.mark.parametrize(
    "origins", [(b"http://localhost:8000", b"http://evil.example"), (b"http://localhost:8000",) * 2]
)
def test_two_origins_are_none(origins):
    headers = [(b"host", b"localhost:8000"), *((b"origin", origin) for origin in origins)]
    assert not Credentials.of_scope({"headers": headers, "client": ["127.0.0.1", 1]}).is_local


@pytest.mark.parametrize("host", ["[::1]:8000", "[::1]", "localhost.", "a.localhost:1"])
def test_names_of_the_loopback_address(host):
    assert shown(host=host).is_local


OTHER_SPELLINGS = ("[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::]", "0.0.0.0:8000", "[::1%25lo]", "::1", "127.1",
                   "127.0.0.2", "0177.0.0.1", "2130706433", "localhost@evil.example")  # fmt: skip


@pytest.mark.parametrize("host", OTHER_SPELLINGS)
def test_other_spellings_of_it_are_no_names_of_ours(host):
    assert not shown(host=host).is_local


def test_default_ports_may_be_left_out():
    assert shown(headers={"origin": "http://localhost"}, host="localhost:80").origin_is_own
    assert shown(headers={"origin": "https://localhost:443"}, host="localhost", secure=True).origin_is_own


def test_a_host_that_is_not_served_is_a_bad_request():
    for host in ("", "evil.example", "[::1"):
        assert code_of(shown(host=host)) is ErrorCode.INVALID_REQUEST


def test_a_proxy_that_is_trusted_says_whether_a_socket_is_secure(settings):
    scope = {"headers": [(b"host", b"chat.example"), (b"x-forwarded-proto", b"https")], "client": ["10.0.0.1", 1]}
    assert not Credentials.of_scope(scope).secure
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert Credentials.of_scope(scope).secure
    assert Credentials.of_scope({**scope, "headers": [], "scheme": "wss", "client": None}).secure


def test_a_key_is_usable_until_it_expires_or_is_revoked_or_its_person_leaves():
    alice = make_user()
    key, text = ApiKey.objects.issue(alice.pk, scopes=["chat"], expires_at=timezone.now() + timedelta(days=1))
    assert ApiKey.objects.find(text) == key
    for change in ({"expires_at": timezone.now()}, {"revoked_at": timezone.now()}):
        ApiKey.objects.filter(pk=key.pk).update(**change)
        assert ApiKey.objects.find(text) is None
        ApiKey.objects.filter(pk=key.pk).update(expires_at=None, revoked_at=None)
    alice.is_active = False
    alice.save()
    assert ApiKey.objects.find(text) is None


def test_the_use_of_a_key_is_noted_once_a_minute():
    key, text = ApiKey.objects.issue(make_user().pk, scopes=["chat"])
    bearer = {"authorization": f"Bearer {text}"}
    authenticate(shown(headers=bearer, peer="203.0.113.9"))
    first = ApiKey.objects.get(pk=key.pk).last_used_at
    authenticate(shown(headers=bearer))
    assert ApiKey.objects.get(pk=key.pk).last_used_at == first
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=first - USED_RESOLUTION)
    authenticate(shown(headers=bearer))
    assert ApiKey.objects.get(pk=key.pk).last_used_at > first
    assert str(key).startswith(key.prefix)


def test_a_scope_that_is_missing_is_named():
    caller = Caller(1, "alice", frozenset({"chat"}), "key")
    caller.require("chat")
    with pytest.raises(Refused, match="'agents'") as refused:
        caller.require("agents")
    assert refused.value.code is ErrorCode.FORBIDDEN


def test_the_headers_of_a_request_are_read_without_their_case():
    request = RequestFactory().get("/", headers={"Host": "localhost", "X-Forwarded-For": "203.0.113.9"})
    credentials = Credentials.of_request(request)
    assert credentials.headers["x-forwarded-for"] == "203.0.113.9"
    assert not credentials.is_local


def test_a_key_has_more_random_bits_than_anybody_guesses_and_only_its_hash_is_kept():
    key, text = ApiKey.objects.issue(make_user().pk, scopes=["chat"])
    prefix, _, secret = text.partition(".")
    assert prefix == key.prefix
    assert len(base64.urlsafe_b64decode(secret + "=")) * 8 >= 190
    assert key.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(vars(key))
    _, other = ApiKey.objects.issue(key.user_id, scopes=["chat"])
    assert not set(text.split(".")) & set(other.split("."))
