"""How often a name may be tried, with a password, from one address."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.db import models, transaction
from django.utils.crypto import salted_hmac

from agents.statements import Cursor
from chat.models.allowance import Left, Rate, TokenBucket

IPV6_NETWORK = 64  # bits: whoever has one address of such a network has them all


class SignInTries(TokenBucket):
    """The tries of one name from one address. Only a digest is kept: a name may be a password in the wrong field."""

    digest = models.CharField(primary_key=True, max_length=64, editable=False)

    class Meta:
        indexes = [models.Index(fields=["full_at"], name="sign_in_tries_by_end")]

    def __str__(self) -> str:
        return f"{self.digest[:8]} until {self.full_at}"

    @classmethod
    def take(cls, digest: str) -> tuple[bool, Left]:
        """Take a try, and say whether there was one: before the password is looked at, so that no crowd gets more."""
        with transaction.atomic():
            cursor = Cursor()
            cls.remove_full(cursor)
            return cls.take_of(cursor, digest, Rate(*settings.RATE_LIMIT_SIGN_INS))

    @classmethod
    def forget(cls, digest: str) -> None:
        """Somebody has signed in: what failed before counts no more."""
        cls._default_manager.filter(pk=digest).delete()


def digest_of(name: str, peer: str) -> str:
    return salted_hmac("chat.sign_in", f"{network_of(peer)} {name}", algorithm="sha256").hexdigest()


def network_of(peer: str) -> str:
    """Whom an address stands for: itself, or its network where one client has many to choose from."""
    try:
        address = ip_address(peer)
    except ValueError:  # a Unix socket has none
        return peer
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or ip_network((address, IPV6_NETWORK), strict=False))
