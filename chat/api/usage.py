"""`GET /usage`: what the caller has used, and what its budgets have left."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.statements import Cursor
from chat.api.async_view import AsyncAPIView
from chat.api.examples import USAGE_ANSWER
from chat.api.schema import errors
from chat.database import in_database
from chat.models import Budget, Run, Spending


class PeriodUseSerializer(serializers.Serializer[Any]):
    begins_at = serializers.DateTimeField()
    resets_at = serializers.DateTimeField()
    runs = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class BudgetStateSerializer(serializers.Serializer[Any]):
    period = serializers.ChoiceField(choices=Budget.Period.choices)
    tokens = serializers.IntegerField()
    used = serializers.IntegerField()
    reserved = serializers.IntegerField(help_text="Set aside for runs that are active.")
    remaining = serializers.IntegerField()
    resets_at = serializers.DateTimeField()


class UseSerializer(serializers.Serializer[Any]):
    day = PeriodUseSerializer(help_text="Of the runs that are stored and have begun today, UTC.")
    month = PeriodUseSerializer()
    budgets = BudgetStateSerializer(many=True, help_text="Yours; what agents or everybody may use is not shown.")


class UsageView(AsyncAPIView):
    @extend_schema(
        operation_id="usage_retrieve",
        summary="Your use of tokens, and your budgets",
        responses={200: UseSerializer, **errors(401, 403)},
        examples=[USAGE_ANSWER],
        tags=["usage"],
    )
    async def get(self, request: Request) -> Response:
        return Response(await in_database(lambda: UseSerializer(use_of(self.caller.user_id)).data))


def use_of(user_id: int) -> dict[str, Any]:
    """What a user has used, by period, and the budgets that are the user's own. Uses the database."""
    now = timezone.now()
    begins = {period: _midnight(period.begin(now)) for period in Budget.Period}
    sums = {
        f"{period.value}_{name}": aggregate
        for period, begin in begins.items()
        for name, aggregate in _sums(Q(created_at__gte=begin)).items()
    }
    told = Run.objects.filter(caller_id=user_id, created_at__gte=begins[Budget.Period.MONTH]).aggregate(**sums)
    use: dict[str, Any] = {
        period.value: {"begins_at": begin, "resets_at": period.end(begin.date())}
        | {name: told[f"{period.value}_{name}"] or 0 for name in _sums(Q())}
        for period, begin in begins.items()
    }
    own = [budget for budget in Budget.applying_to(Cursor(), user_id) if budget.holder_of(user_id)]
    return use | {"budgets": [_state(Spending.objects.look(budget, user_id)) for budget in own]}


def _sums(condition: Q) -> dict[str, Any]:
    return {
        "runs": Count("pk", filter=condition),
        "input_tokens": Sum("input_tokens", filter=condition),
        "output_tokens": Sum("output_tokens", filter=condition),
    }


def _state(counter: Spending) -> dict[str, Any]:
    return {
        "period": counter.budget.period,
        "tokens": counter.budget.tokens,
        "used": counter.used,
        "reserved": counter.reserved,
        "remaining": counter.remaining,
        "resets_at": counter.resets_at,
    }


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
