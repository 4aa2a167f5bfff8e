"""Browser sessions: signing in as a person does, on the login page."""

import re
import urllib.parse

import aiohttp
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from tests.product import Product
from tests.wire.client import Answer, Client

PASSWORD = "correct horse battery staple"


def hashed(password: str) -> str:
    """The password as servers store it; the tests' own settings have a faster hash."""
    return PBKDF2PasswordHasher().encode(password, "salt-of-the-tests-0123")


async def sign_in(
    server: Product, session: aiohttp.ClientSession, username: str, password: str, path: str = "/accounts/login/"
) -> Answer:
    """What the form at that path answers."""
    nobody = Client(server, session, {})
    page = await nobody.get(path)
    token = cookie(page.headers.getall("Set-Cookie"), "csrftoken")
    form = urllib.parse.urlencode({"username": username, "password": password, "csrfmiddlewaretoken": token})
    headers = {"Cookie": f"csrftoken={token}", "Content-Type": "application/x-www-form-urlencoded"}
    return await nobody.post(path, form.encode(), headers=headers)


async def signed_in(server: Product, session: aiohttp.ClientSession, username: str) -> Client:
    """A browser in which that person has signed in: its cookies, and the token that goes with them."""
    done = await sign_in(server, session, username, PASSWORD)
    assert done.status == 302, done.body
    cookies = done.headers.getall("Set-Cookie")
    token = cookie(cookies, "csrftoken")
    return Client(
        server,
        session,
        {"Cookie": f"sessionid={cookie(cookies, 'sessionid')}; csrftoken={token}", "X-CSRFToken": token},
    )


def cookie(lines: list[str], name: str) -> str:
    return next(match[1] for line in lines if (match := re.match(rf"{name}=([^;]+)", line)))


async def sign_out(browser: Client) -> None:
    form = urllib.parse.urlencode({"csrfmiddlewaretoken": browser.headers["X-CSRFToken"]}).encode()
    done = await browser.post("/accounts/logout/", form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (done.status, done.headers["Location"]) == (302, "/accounts/login/")
