"""Signing in with a password: a name that has failed too often from one address has to wait."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.debug import sensitive_variables

from chat.account import find_user
from chat.audit import Action, record
from chat.models.sign_in import SignInTries, digest_of

View = Callable[..., HttpResponseBase]


class SignInForm(AuthenticationForm):
    """Django's own, which counts. `retry_after`: the seconds to wait, where the password was not even looked at."""

    retry_after: float | None = None

    @sensitive_variables()
    def clean(self) -> Any:
        name = self.cleaned_data.get("username")
        if not (name and self.cleaned_data.get("password")):
            return super().clean()
        digest = digest_of(name, self.request.META.get("REMOTE_ADDR", "") if self.request else "")
        taken, left = SignInTries.take(digest)
        if not taken:
            self.retry_after = left.retry_after
            minutes = math.ceil(left.retry_after / 60)
            raise ValidationError(f"Too many failed sign-ins. Wait {minutes} min, then try again.", code="throttled")
        try:
            cleaned = super().clean()
        except ValidationError:
            if not left.remaining:
                record(Action.SIGN_IN_BLOCKED, by=self.request, of=find_user(name))
            raise
        SignInTries.forget(digest)
        return cleaned


class AdminSignInForm(SignInForm, AdminAuthenticationForm):
    """The admin's own, which counts."""


def refusing_with_429(view: View) -> View:
    """A sign-in view whose answer says by its status, too, that its form has to wait."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        response = view(request, *args, **options)
        context = getattr(response, "context_data", None) or {}
        wait = getattr(context.get("form"), "retry_after", None)
        if wait is not None:
            response.status_code = 429
            response["Retry-After"] = str(math.ceil(wait))
        return response

    return answered
