"""The runs of this process: start, own, cancel, recover, stop."""

import asyncio
import contextvars
import logging
import random
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from agents.config import AgentConfig
from agents.errors import ErrorCode
from agents.limits import Limits
from agents.llm.base import ChatModel
from agents.providers import make_model
from agents.statements import Cursor
from agents.streaming_agent import StreamingAgent
from agents.transcript import Transcript
from chat import log_context
from chat.access import Caller
from chat.begin import Begun, begin_run
from chat.decisions import Decisions
from chat.exceptions import RETRY_AFTER, NeedsOwnTransaction, Refused
from chat.hints import Hints
from chat.journal import Journal
from chat.models import Reservation, Run, Spending
from chat.models.allowance import Left
from chat.open_connections import OpenConnections
from chat.packing import Packing
from chat.recovery import Recovered, claim_abandoned
from chat.requests import ChatRequest
from chat.retention import prune_batch
from chat.run_task import RunTask
from chat.waits import Waits

log = logging.getLogger(__name__)
T = TypeVar("T")
LOOK_SECONDS = 1.0  # how often a process looks for cancels that it was not told of
RENEWALS = 5  # within a lease, at most one with each look: a process that stalls for half of it keeps its runs
CANCEL_SECONDS = 5.0
WRITE_SECONDS = 5.0  # how long a request waits for the database before it is told to come back
PRUNE_EVERY = 600  # beats; one batch of old events every ten minutes or so


@dataclass(frozen=True, slots=True)
class Started:
    """A run to follow; `attached` when the idempotency key was used before."""

    run_id: uuid.UUID
    conversation_id: uuid.UUID
    attached: bool
    left: Left


class Runs:
    """Everything that one process runs. Made lazily, inside the event loop, by `current_runs`."""

    def __init__(self) -> None:
        self.process = uuid.uuid4()
        self.loop = asyncio.get_running_loop()
        self.lease = timedelta(seconds=settings.LEASE_SECONDS)
        self.hints = Hints(
            self.process,
            on_stored=lambda run_id: self.journal.hint(run_id),
            on_cancel=self._on_cancel_hint,
            on_released=self._on_released,
        )
        self.journal = Journal(gather=settings.STREAM_GATHER_MS / 1000, on_stored=self.hints.stored)
        self._waits = Waits(self.journal)
        self.decisions = Decisions(self.journal, self.lease, self._spawn)
        self.tasks: dict[uuid.UUID, RunTask] = {}
        self.draining = False
        self._models: dict[str, ChatModel] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self.connections = OpenConnections()
        nobody = contextvars.Context()  # whoever comes first
        kept = (self._keep(), self.connections.watch(), Packing(self.journal).keep())
        self._keepers = {self._spawn(each, nobody.copy()) for each in kept}

    # --- start -------------------------------------------------------------------------------------------------------
    async def start(self, caller: Caller, request: ChatRequest, *, idempotency_key: str = "") -> Started:
        """Store a message and run its answer. Raises Refused, and then nothing is stored."""
        if self.draining:
            raise Refused(
                ErrorCode.SHUTTING_DOWN, "The server is stopping. Try again in a moment.", retry_after=RETRY_AFTER
            )
        # A client that goes away in the middle must not leave a stored run that nobody runs.
        return await asyncio.shield(self._spawn(self._start(caller, request, idempotency_key)))

    async def _start(self, caller: Caller, request: ChatRequest, idempotency_key: str) -> Started:
        def begin(*, alone: bool) -> Begun:
            return begin_run(
                caller, request, owner=self.process, lease=self.lease, idempotency_key=idempotency_key, alone=alone
            )

        try:
            begun = await self.write(partial(begin, alone=False), lock=caller.user_id)
        except NeedsOwnTransaction:
            begun = await self.write(partial(begin, alone=True))
        if not begun.attached:
            self._launch_new(begun)
        return Started(begun.run.pk, begun.run.conversation_id, begun.attached, begun.left)

    async def write(self, function: Callable[[], T], *, lock: int | None = None) -> T:
        """Let the journal's thread run a function that writes. Raises Refused while the database does not answer.

        A write that has begun when the time is up may still happen: a run that is stored so is found by the sweep.
        """
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                return await self.journal.execute(function, lock=lock)
        except (OperationalError, InterfaceError, TimeoutError) as error:
            log.warning("The database does not answer: %s", type(error).__name__)
            raise Refused(
                ErrorCode.UNAVAILABLE, "The database cannot be reached. Try again in a moment.", retry_after=RETRY_AFTER
            ) from None

    def _launch_new(self, begun: Begun) -> None:
        base = len(begun.history)
        transcript = Transcript(messages=begun.history, key=str(begun.run.pk))
        self._launch(begun.run, begun.first, transcript, base, last_seq=1, tools=begun.tools)

    def _launch(self, run: Run, first: Any, transcript: Transcript, base: int, *, last_seq: int, tools: Any) -> None:
        live = self.journal.open(run.pk, epoch=run.epoch, entries=first, last_seq=last_seq)
        agent = self._agent(run.agent_config, tools)
        task = RunTask(run, live, self.journal, agent, transcript, base=base)
        self.tasks[run.pk] = task
        self._spawn(task.execute()).add_done_callback(lambda _: self._forget(task))

    def _forget(self, ended: RunTask) -> None:
        """Not the task that has taken the run up again since: it would lose its lease."""
        if self.tasks.get(ended.run.pk) is ended:
            del self.tasks[ended.run.pk]

    def _agent(self, config: AgentConfig, tools: Any) -> StreamingAgent:
        if config.provider not in self._models:
            self._models[config.provider] = make_model(config.provider)
        return StreamingAgent(
            llm=self._models[config.provider],
            model=config.model,
            name=config.name,
            instructions=config.instructions,
            tools=tools,
            max_parallel_tools=config.max_parallel_tools,
            parallel_tools=config.parallel_tools,
            tool_call_timeout=config.tool_call_timeout,
            settings=config.settings,
            limits=Limits(
                max_rounds=config.max_rounds,
                max_output_chars=settings.MAX_OUTPUT_CHARS,
                max_tool_calls=settings.MAX_TOOL_CALLS,
                max_tool_argument_chars=settings.MAX_TOOL_ARGUMENT_CHARS,
                max_tool_result_chars=settings.MAX_TOOL_RESULT_CHARS,
            ),
        )

    # --- wait and cancel ---------------------------------------------------------------------------------------------
    async def wait(self, run_id: uuid.UUID) -> None:
        """Return when the run has ended, whichever process runs it. Raises Refused when this one stops before."""
        await self._waits.for_end_of(run_id)

    async def cancel(self, run_id: uuid.UUID) -> None:
        """Stop a run, wherever it runs, and wait (a few seconds at most) until it has stopped."""

        def request() -> bool:
            return bool(Run.objects.active().filter(pk=run_id).update(cancel_requested_at=timezone.now()))

        self._on_cancel_hint(run_id)  # a run of our own stops now; the others' owners look at the row
        if not await self.write(request):
            return
        if run_id not in self.tasks:
            self.hints.cancel(run_id)
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self.wait(run_id)
        except TimeoutError:
            log.warning("Run %s has not stopped yet; its owner will stop it or its lease will end", run_id)

    def carry_out_decisions(self) -> None:
        """Run again, now rather than at the next look, what people want to run again."""
        if not self.draining:
            self._spawn(self.decisions.carry_out())

    def _on_cancel_hint(self, run_id: uuid.UUID) -> None:
        if run_id in self.tasks:
            self.tasks[run_id].cancel()

    # --- keep --------------------------------------------------------------------------------------------------------
    async def _keep(self) -> None:
        """Renew leases, look for cancels that no hint told of, and take over what other processes left behind."""
        period = min(LOOK_SECONDS, self.lease.total_seconds() / 3)
        sweep_every = max(1, round(self.lease.total_seconds() / 3 / period))
        beat, renew_at = 0, 0.0
        while True:
            try:
                now = self.loop.time()
                if self.tasks and now >= renew_at:
                    await self._renew()
                    renew_at = now + self.lease.total_seconds() / RENEWALS
                if self.tasks:
                    await self._look_for_cancels()
                if beat % sweep_every == 0 and not self.draining:
                    await self._recover()
                    await self.decisions.carry_out()
                    await self.journal.execute(Reservation.objects.settle)  # of runs whose process could not
                    await self.journal.execute(Spending.objects.open_shared)
                if beat % PRUNE_EVERY == PRUNE_EVERY - 1:
                    await self.journal.execute(prune_batch)
            except (DatabaseError, InterfaceError) as error:
                log.warning("Leases could not be renewed: %s", type(error).__name__)
            except Exception:
                log.exception("Looking after runs failed")
            beat += 1
            await asyncio.sleep(period * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    async def _renew(self) -> None:
        running = list(self.tasks)  # not what is only ours by name: a run that nobody runs has to be recovered
        await self.journal.execute(lambda: Run.renew(Cursor(), self.process, running, self.lease))

    async def _look_for_cancels(self) -> None:
        for run_id in await self.journal.execute(lambda: Run.to_cancel(Cursor(), self.process)):
            self._on_cancel_hint(run_id)

    async def _recover(self) -> None:
        more = True
        while more and not self.draining:
            recovered, more = await self.journal.execute(lambda: claim_abandoned(self.process, self.lease))
            for each in recovered:
                self._resume(each)

    def _on_released(self) -> None:
        if not self.draining:
            self._spawn(self._recover())

    def _resume(self, recovered: Recovered) -> None:
        log.info("Run %s goes on here, attempt %s", recovered.run.pk, recovered.run.attempt)
        self._launch(
            recovered.run,
            recovered.first,
            recovered.transcript,
            recovered.base,
            last_seq=recovered.last_seq,
            tools=recovered.tools,
        )
        if recovered.run.cancel_requested_at is not None:
            self._on_cancel_hint(recovered.run.pk)

    # --- stop --------------------------------------------------------------------------------------------------------
    async def stop(self) -> None:
        """Take no new runs, let running ones finish for DRAIN_SECONDS, and leave the rest to other processes."""
        self.draining = True
        running = [task for task in self._background if task not in self._keepers]
        if running:
            await asyncio.wait(running, timeout=settings.DRAIN_SECONDS)
        self._waits.turn_away()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        try:
            await self.write(lambda: Run.objects.held_by(self.process).release())
        except Refused:
            log.warning("The runs could not be released: they go on elsewhere when their leases end")
        await self.hints.released()
        await self.hints.close()
        await self.journal.drain()

    def _spawn(
        self, coroutine: Coroutine[Any, Any, Any], context: contextvars.Context | None = None
    ) -> "asyncio.Task[Any]":
        """A task of the process: it outlives the request that led to it, and inherits only what its log lines say."""
        task = self.loop.create_task(coroutine, context=context or log_context.carried())
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def current_runs() -> Runs:
    """The runs of this process, made at the first call. Only from inside the event loop."""
    app: Any = apps.get_app_config("chat")
    loop = asyncio.get_running_loop()
    if app.runs is None or app.runs.loop is not loop:
        app.runs = Runs()
    return app.runs  # type: ignore[no-any-return]
