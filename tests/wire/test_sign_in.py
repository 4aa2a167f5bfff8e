"""Guessing passwords: a name that has failed too often from one address waits, and nobody else does."""

import asyncio

import pytest

from tests.product import Product
from tests.wire.profiles import on_postgres
from tests.wire.rows import make_user, select
from tests.wire.signing_in import PASSWORD, hashed, sign_in

MOST = 3  # RATE_LIMIT_SIGN_INS of these servers


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
async def test_a_crowd_of_guesses_gets_no_more_than_the_limit(server: Product, session, path):
    alice, bob = (make_user(server, password=hashed(PASSWORD), is_staff=True) for _ in range(2))
    guesses = await asyncio.gather(
        *(sign_in(server, session, alice, f"guess {number}", path) for number in range(4 * MOST))
    )
    assert sorted(guess.status for guess in guesses) == [200] * MOST + [429] * 3 * MOST
    refused = await sign_in(server, session, alice, PASSWORD, path)
    assert refused.status == 429  # else the form would tell a right guess from a wrong one
    assert 1000 < int(refused.headers["Retry-After"]) <= 1200
    assert "Too many failed sign-ins. Wait 20 min" in refused.body.decode()
    assert "Set-Cookie" not in refused.headers or "sessionid" not in refused.headers["Set-Cookie"]
    assert (await sign_in(server, session, bob, PASSWORD, path)).status == 302
    ((told,),) = select(
        server,
        "SELECT count(*) FROM chat_auditentry WHERE action = 'sign_in_blocked' AND object_id ="
        " (SELECT CAST(id AS VARCHAR(20)) FROM auth_user WHERE username = ?)",
        alice,
    )
    assert told == 1


async def test_whoever_remembers_the_password_begins_anew(server: Product, session):
    alice = make_user(server, password=hashed(PASSWORD))
    for _ in range(2):
        for _ in range(MOST - 1):
            assert (await sign_in(server, session, alice, "wrong")).status == 200
        assert (await sign_in(server, session, alice, PASSWORD)).status == 302


@on_postgres
async def test_guesses_are_counted_over_all_processes(server: Product, other: Product, session):
    alice = make_user(server, password=hashed(PASSWORD))
    guesses = await asyncio.gather(*(sign_in(each, session, alice, "x") for each in [server, other] * MOST))
    assert sorted(guess.status for guess in guesses) == [200] * MOST + [429] * MOST
