"""`POST /runs/{run_id}/tool_calls/{call_id}/decision`: a person says what became of a call that a crash cut."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chat.api.async_view import AsyncAPIView
from chat.api.examples import DECIDED_CALL, DECISION
from chat.api.schema import errors
from chat.api.serializers import DecisionSerializer, ToolCallSerializer
from chat.decisions import decide, find_call
from chat.follow import find_run
from chat.models import ToolCall
from chat.runs import current_runs


class DecisionView(AsyncAPIView):
    @extend_schema(
        operation_id="tool_call_decide",
        summary="Say what became of a call whose outcome is unknown",
        description="For a call that a crash cut and that may not run twice (`outcome_unknown`), once its run has "
        "ended. `happened` and `not_happened` tell the model in later messages what a person knows; `run_again` runs "
        "the tool once more with the same idempotency key: the answer comes at once, `GET /runs/{run_id}` shows the "
        "outcome. The same decision again changes nothing; another one, or one while the run is active, is refused.",
        request=DecisionSerializer,
        responses={200: ToolCallSerializer, **errors(400, 401, 403, 404, 409, 413, 415, 503)},
        examples=[DECISION, DECIDED_CALL],
        tags=["runs"],
    )
    async def post(self, request: Request, run_id: str, call_id: str) -> Response:
        asked = DecisionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        decision = ToolCall.Decision(asked.validated_data["decision"])
        runs = current_runs()

        def store() -> ToolCall:
            call = find_call(find_run(self.caller, run_id), call_id)
            return decide(call, decision, self.caller.user_id, by=request)

        call = await runs.write(store)
        if call.status == ToolCall.Status.PENDING:
            runs.carry_out_decisions()
        return Response(ToolCallSerializer(call).data)
