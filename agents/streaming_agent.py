"""The agent loop: model turn, tool calls in parallel, results to the model, next turn. Events leave as they happen.

Pure async, without a database or HTTP. A run's state is a Transcript that the caller owns; `resume` goes on from
whatever it holds, so the same code starts a run and continues one that a crash has cut.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from agents.errors import ErrorCode, RunFailed
from agents.events import AnyEvent, ChatComplete, Error, ModelRetry
from agents.limits import Limits
from agents.llm.base import ChatModel, ModelRequest, Retry, Take, TurnEnd
from agents.messages import ModelMessage, SystemMessage, UserMessage
from agents.tool_round import ToolRound
from agents.transcript import Transcript
from tools.base import Tool

log = logging.getLogger(__name__)


class StreamingAgent:
    """Answers messages with a model and tools. It keeps the history of the messages given to `stream`.

    `tool_call_timeout` is in seconds, per call. `settings` are model settings by their OpenAI names.
    """

    def __init__(
        self,
        *,
        llm: ChatModel,
        model: str = "gpt-4.1",
        name: str = "Assistant",
        instructions: str = "You are a helpful assistant.",
        tools: tuple[Tool, ...] = (),
        max_parallel_tools: int = 5,
        parallel_tools: bool = True,
        tool_call_timeout: float = 30.0,
        settings: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.llm = llm
        self.model = model
        self.name = name
        self.system = SystemMessage(instructions)
        self.tools = {tool.name: tool for tool in tools}
        self.max_parallel_tools = max_parallel_tools
        self.parallel_tools = parallel_tools
        self.tool_call_timeout = tool_call_timeout
        self.settings = dict(settings or {})
        self.limits = limits or Limits()
        self.history: list[ModelMessage] = []

    def add_tool(self, function: Callable[..., Any] | Tool) -> None:
        """Let the model call a typed function (async or plain) that has a docstring.

        Raises tools.exceptions.ToolDefinitionError when the function cannot be described to a model, and ValueError
        when a tool of that name is there already.
        """
        tool = function if isinstance(function, Tool) else Tool.from_function(function)
        if tool.name in self.tools:
            raise ValueError(f"The agent has a tool named {tool.name!r} already.")
        self.tools[tool.name] = tool

    async def stream(self, message: str) -> AsyncGenerator[AnyEvent, None]:
        """Answer a message; the last event is `chat_complete` or `error`."""
        self.history.append(UserMessage(message))
        transcript = Transcript(messages=self.history)
        async with aclosing(self.resume(transcript)) as groups:
            async for group in groups:
                for event in group:
                    yield event

    async def resume(
        self, transcript: Transcript, *, take: Take | None = None
    ) -> AsyncGenerator[tuple[AnyEvent, ...], None]:
        """Go on from a transcript to the end of the run. Events that belong together come as one group.

        `take` is offered pieces of text while the caller waits (see ModelRequest), and puts them into the transcript.

        The next step begins only when the group has been taken: a caller that stores each group before it asks for
        the next one has stored a tool call before the tool runs, and its result before the model sees it.
        """
        try:
            while not transcript.is_answered() or transcript.unanswered_calls():
                step = (
                    self._tool_step(transcript) if transcript.unanswered_calls() else self._model_turn(transcript, take)
                )
                async with aclosing(step) as groups:
                    async for group in groups:
                        yield group
            last: AnyEvent = _complete(transcript)
        except RunFailed as failure:
            last = Error(error_code=failure.code, error_message=failure.message)
        except Exception:
            log.exception("The agent loop failed")
            last = Error(
                error_code=ErrorCode.INTERNAL_ERROR, error_message="Something went wrong on our side. Try again."
            )
        finally:
            transcript.break_off()
        yield (last,)

    async def _model_turn(
        self, transcript: Transcript, take: Take | None
    ) -> AsyncGenerator[tuple[AnyEvent, ...], None]:
        if transcript.rounds >= self.limits.max_rounds:
            raise RunFailed(
                ErrorCode.TOOL_ROUNDS_EXCEEDED,
                f"The agent did not finish within {self.limits.max_rounds} rounds of tool calls (MAX_ROUNDS).",
            )
        transcript.open_turn(self.system)
        ended = False
        async with aclosing(self.llm.stream(self._request(transcript, take))) as deltas:
            async for delta in deltas:
                match delta:
                    case Retry(attempt, code, delay):
                        yield (ModelRetry(attempt=attempt, error_code=code, delay_ms=round(delay * 1000)),)
                    case TurnEnd():
                        transcript.end_turn(delta, self.limits)
                        ended = True
                    case _:
                        yield (transcript.take(delta, self.limits),)
        if not ended:
            raise RunFailed(ErrorCode.MODEL_ERROR, "The model's answer broke off. Try again.")

    async def _tool_step(self, transcript: Transcript) -> AsyncGenerator[tuple[AnyEvent, ...], None]:
        """Run the open calls: all of them side by side, or only the first where calls go one after the other."""
        calls = transcript.unanswered_calls()
        tool_round = ToolRound(self.tools, self.max_parallel_tools, self.tool_call_timeout, self.limits)
        async with aclosing(tool_round.run(calls if self.parallel_tools else calls[:1], transcript)) as groups:
            async for group in groups:
                yield group

    def _request(self, transcript: Transcript, take: Take | None) -> ModelRequest:
        return ModelRequest(
            model=self.model,
            messages=(self.system, *transcript.messages),
            tools=tuple(self.tools.values()),
            parallel_tool_calls=self.parallel_tools,
            settings=self.settings,
            limits=self.limits,
            take=take,
        )


def _complete(transcript: Transcript) -> ChatComplete:
    return ChatComplete(
        final_response=transcript.answer,
        total_tool_calls=transcript.tool_calls,
        finish_reason=transcript.finish_reason,
        usage=transcript.usage,
        duration_ms=transcript.duration_ms,
        first_token_ms=transcript.first_token_ms,
    )
