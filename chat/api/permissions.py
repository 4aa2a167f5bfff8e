"""What a caller's scopes allow."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from chat.api.authentication import caller_of


class HasScope(BasePermission):
    """A view's `required_scope` (default `chat`), or for changes its `write_scope`. Raises Refused without it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = getattr(view, "required_scope", "chat")
        if request.method not in SAFE_METHODS:
            scope = getattr(view, "write_scope", scope)
        if scope:
            caller_of(request).require(scope)
        return True
