"""The life of runs under random people, models, crashes and hand-overs: on a real database, in two processes' runs.

A process is a `Runs`; one that is killed stops where it is and lets go of nothing. What is held against it is what the
checker of the fault tests holds against whole servers, and that the model is never sent a history that a strict
provider refuses.
"""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from django.db.models.functions import Now
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from agents.errors import ErrorCode, ModelError
from agents.llm.base import ModelDelta, ModelRequest, TextDelta, TurnEnd
from agents.llm.request_body import chat_body
from agents.messages import ToolCall as Call
from agents.messages import UserMessage
from agents.models import Agent
from chat.access import ALL_SCOPES, Caller
from chat.exceptions import Refused
from chat.models import Run, RunEvent, ToolCall
from chat.models.run import MAX_ATTEMPTS
from chat.requests import ChatRequest
from chat.runs import Runs
from chat.tests.rows import make_user
from tests.faults.checker import History, broken
from tools.base import Tool, ToolContext
from tools.models import Tool as ToolRow
from tools.registry import registry

pytestmark = pytest.mark.django_db(transaction=True)

ENDS = {Run.Status.COMPLETED: "chat_complete", Run.Status.CANCELLED: "chat_cancelled", Run.Status.FAILED: "error"}


@dataclass
class Director:
    """Says what the model and the tools of each message do next, and writes down what they were asked."""

    orders: dict[str, "asyncio.Queue[ModelDelta | ModelError]"] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    begun: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta, None]:
        messages = chat_body(request, {})["messages"]
        self.refused += broken(History([], requests=[{"messages": messages}]))[1:]  # [0]: there is no journal here
        asked = next(message.content for message in reversed(request.messages) if isinstance(message, UserMessage))
        while True:
            order = await self.orders[asked].get()
            if isinstance(order, ModelError):
                raise order
            yield order
            if isinstance(order, TurnEnd):
                return

    def tool(self, rule: str) -> Tool:
        async def work(message: str, context: ToolContext) -> str:
            """Work on a message, until its gate opens."""
            self.begun[rule, context.idempotency_key] += 1
            await self.gates[message].wait()
            return f"{rule} done"

        return replace(Tool.from_function(work, replay=rule), name=rule)


@dataclass
class Life:
    """One message, and the run that answers it."""

    message: str
    run_id: uuid.UUID
    conversation_id: uuid.UUID
    calls: int = 0


class RunMachine(RuleBasedStateMachine):
    lives = Bundle("lives")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.director = Director()
        self.tools = tuple(registry)
        self.processes: list[Runs] = []
        self.dead: list[Runs] = []
        self.told: list[Life] = []

    @initialize()
    def open(self) -> None:
        registry.replace([*self.tools, self.director.tool("safe"), self.director.tool("unsafe")])
        ToolRow.objects.sync(registry)
        Agent.objects.get(slug="default").tools.set(ToolRow.objects.filter(name__in=["safe", "unsafe"]))
        self.caller = Caller(make_user().pk, "alice", ALL_SCOPES, "key")
        self.processes = [self.runner.run(self.new_process()) for _ in range(2)]

    async def new_process(self) -> Runs:
        runs = Runs()
        runs._models["default"] = self.director
        return runs

    # --- people ------------------------------------------------------------------------------------------------------
    @rule(target=lives, number=st.integers(0, 1))
    def ask(self, number: int) -> Life:
        return self.begin(number, reset_history=True)

    @rule(life=lives, number=st.integers(0, 1))
    def ask_again(self, life: Life, number: int) -> None:
        """In the same conversation: busy while the run is active, else it goes on."""
        try:
            later = self.begin(number, conversation_id=str(life.conversation_id))
        except Refused as refused:
            if refused.code is not ErrorCode.CONVERSATION_BUSY:
                raise
        else:
            assert later.conversation_id == life.conversation_id

    def begin(self, number: int, **options: object) -> Life:
        message = f"message {len(self.director.orders)}"
        self.director.orders[message], self.director.gates[message] = asyncio.Queue(), asyncio.Event()
        request = ChatRequest(message=message, **options)
        started = self.runner.run(self.processes[number].start(self.caller, request))
        life = Life(message, started.run_id, started.conversation_id)
        self.told.append(life)
        return life

    @rule(life=lives, number=st.integers(0, 1))
    def cancel(self, life: Life, number: int) -> None:
        async def ask_to_stop() -> None:
            await self.processes[number].write(
                lambda: Run.objects.active().filter(pk=life.run_id).update(cancel_requested_at=Now())
            )
            for process in self.processes:
                process._on_cancel_hint(life.run_id)

        self.runner.run(ask_to_stop())

    # --- the model and its tools -------------------------------------------------------------------------------------
    def order(self, life: Life, *orders: ModelDelta | ModelError) -> None:
        async def put() -> None:
            for order in orders:
                self.director.orders[life.message].put_nowait(order)
            await asyncio.sleep(0.005)

        self.runner.run(put())

    @rule(life=lives, text=st.text("ab é\n", min_size=1, max_size=8))
    def say(self, life: Life, text: str) -> None:
        self.order(life, TextDelta(text))

    @rule(life=lives, names=st.lists(st.sampled_from(["safe", "unsafe", "unknown"]), min_size=1, max_size=3))
    def call(self, life: Life, names: list[str]) -> None:
        calls = []
        for name in names:
            life.calls += 1
            arguments = json.dumps({"message": life.message})
            calls.append(Call(id=f"{life.message} {life.calls}", name=name, arguments=arguments))
        self.order(life, TurnEnd(tool_calls=tuple(calls), finish_reason="tool_calls"))

    @rule(life=lives)
    def let_tools_finish(self, life: Life) -> None:
        self.director.gates[life.message].set()
        self.settle()

    @rule(life=lives)
    def answer(self, life: Life) -> None:
        self.order(life, TextDelta("the end"), TurnEnd(finish_reason="stop"))

    @rule(life=lives)
    def fail(self, life: Life) -> None:
        self.order(life, ModelError(ErrorCode.MODEL_UNAVAILABLE, "The model is away."))

    @rule()
    def settle(self) -> None:
        self.runner.run(asyncio.sleep(0.02))

    # --- processes ---------------------------------------------------------------------------------------------------
    @rule(number=st.integers(0, 1))
    def kill(self, number: int) -> None:
        """Its tasks stop at once and store nothing more; what its journal still holds is void when a lease ends."""
        self.runner.run(self.die(self.processes[number]))
        self.processes[number] = self.runner.run(self.new_process())

    async def die(self, process: Runs) -> None:
        self.dead.append(process)
        tasks = list(process._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @rule(number=st.integers(0, 1))
    def stop(self, number: int) -> None:
        """As SIGTERM does, with nothing left of its grace."""
        self.runner.run(self.processes[number].stop())
        self.processes[number] = self.runner.run(self.new_process())

    @rule(number=st.integers(0, 1))
    def sweep(self, number: int) -> None:
        """The leases of the dead end, and a living process looks for them."""

        async def sweep() -> None:
            living = [process.process for process in self.processes]
            late = Now() - timedelta(seconds=1)
            process = self.processes[number]
            await process.write(
                lambda: Run.objects.active().exclude(owner=None).exclude(owner__in=living).update(lease_until=late)
            )
            await process._recover()
            await asyncio.sleep(0.01)

        self.runner.run(sweep())

    # --- what has to hold --------------------------------------------------------------------------------------------
    def teardown(self) -> None:
        try:
            if self.processes:
                self.end_all()
                for life in self.told:
                    self.check(life)
                assert self.director.refused == []
        finally:
            registry.replace(self.tools)
            for process in self.processes:
                self.runner.run(process.stop())
            for process in self.dead:
                self.runner.run(process.journal.drain())
            self.runner.close()

    def end_all(self) -> None:
        """Every run has a way out, whatever was done to it."""
        for _ in range(MAX_ATTEMPTS):
            self.sweep(0)
            for life in self.told:
                self.let_tools_finish(life)
                if Run.objects.get(pk=life.run_id).is_active:
                    self.answer(life)
        for _ in range(100):
            if not Run.objects.active().exists():
                return
            self.settle()
        pytest.fail(f"still active: {list(Run.objects.active().values_list('status', 'attempt'))}")

    def check(self, life: Life) -> None:
        run = Run.objects.get(pk=life.run_id)
        bodies = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("body", flat=True))
        assert broken(History([body.encode() for body in bodies])) == []
        assert json.loads(bodies[0])["event_type"] == "run_started"
        assert json.loads(bodies[-1])["event_type"] == ENDS[Run.Status(run.status)]
        assert run.lease_until is None
        assert run.attempt <= MAX_ATTEMPTS + 1
        left = run.tool_calls.filter(status__in=[ToolCall.Status.PENDING, ToolCall.Status.EXECUTING])
        assert not left.exists(), list(left.values_list("name", "status"))
        for (rule_name, key), times in self.director.begun.items():
            assert rule_name == "safe" or times == 1, f"{key} ran {times} times"


def test_every_run_keeps_its_promises_whatever_happens(settings):
    settings.STREAM_GATHER_MS, settings.LEASE_SECONDS, settings.DRAIN_SECONDS = 1, 600, 0
    settings.RATE_LIMIT_MESSAGES, settings.MAX_CONCURRENT_RUNS = (10_000, 60), 10_000
    how = hypothesis_settings(
        max_examples=15,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.reuse, Phase.generate],  # shrinking a story of sleeps would outlast the test
    )
    run_state_machine_as_test(RunMachine, settings=how)
