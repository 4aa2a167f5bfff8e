"""`manage.py create_admin`: make sure that somebody can sign in to the admin."""

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from chat.access import LOCAL_USER


class Command(BaseCommand):
    help = "Give the built-in user a password and the admin's rights, once; say where and how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        where = f"http://localhost:{settings.PORT}/admin/"
        admin = users.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if admin is not None:
            name = admin.get_username()
            self.stdout.write(f"Admin:  {where} (forgotten password: .venv/bin/python manage.py changepassword {name})")
            return
        # Open access acts as this user, so its conversations are on the page and in the admin under one name.
        user = users.filter(username=LOCAL_USER).first() or users.create_user(LOCAL_USER)
        password = secrets.token_urlsafe(12)
        user.set_password(password)
        user.is_staff = user.is_superuser = True
        user.save()
        self.stdout.write(f"Admin:  {where}  user: {LOCAL_USER}  password: {password}  (shown this once)")
