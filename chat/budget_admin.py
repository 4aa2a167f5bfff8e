"""Budgets in the admin, and what has been used of them."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from chat.looks import ReadOnly
from chat.models import Budget, Spending
from tools.changes import TellsChanges


@admin.register(Budget)
class BudgetAdmin(TellsChanges):
    list_display = ["__str__", "subject", "user", "agent", "period", "tokens"]
    list_filter = ["subject", "period"]
    list_select_related = ["user", "agent"]
    search_fields = ["user__username", "agent__slug"]
    autocomplete_fields = ["user", "agent"]
    fields = ["subject", "user", "agent", "period", "tokens"]


@admin.register(Spending)
class SpendingAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What everybody has used of each budget: counted by runs, never by hand."""

    list_display = ["begins", "budget", "holder_name", "used", "reserved", "left"]
    list_filter = ["begins", "budget__subject", "budget__period"]
    list_select_related = ["budget__user", "budget__agent"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Spending]:
        users = get_user_model().objects.filter(pk=OuterRef("holder")).values("username")
        counters: QuerySet[Spending] = super().get_queryset(request)
        return counters.annotate(username=Subquery(users[:1]))

    @admin.display(description="of", ordering="username")
    def holder_name(self, spending: Any) -> str:
        return spending.username or ("all" if not spending.holder else "a user who is gone")

    @admin.display(description="left")
    def left(self, spending: Spending) -> int:
        return spending.remaining
