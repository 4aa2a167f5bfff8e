"""What one run may use at most, and how it ends when it meets a limit."""

from dataclasses import dataclass

from agents.errors import ErrorCode, ModelError


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run; passing one ends the run with a message that names it. Lengths are in characters."""

    max_rounds: int = 10
    max_output_chars: int = 2_000_000
    max_tool_calls: int = 128
    max_tool_argument_chars: int = 100_000
    max_tool_result_chars: int = 100_000

    def check_calls(self, count: int) -> None:
        """Raises ModelError where these are too many tool calls."""
        if count > self.max_tool_calls:
            raise exceeded(f"The run asked for more than {self.max_tool_calls} tool calls (MAX_TOOL_CALLS).")

    def check_arguments(self, chars: int) -> None:
        """Raises ModelError where these are too many characters for the arguments of one call."""
        if chars > self.max_tool_argument_chars:
            raise exceeded(
                f"A tool call's arguments are longer than {self.max_tool_argument_chars} characters"
                " (MAX_TOOL_ARGUMENT_CHARS)."
            )

    def check_output(self, chars: int) -> None:
        """Raises ModelError where the run has written more than it may."""
        if chars > self.max_output_chars:
            raise exceeded(f"The answer is longer than {self.max_output_chars} characters (MAX_OUTPUT_CHARS).")


def exceeded(message: str) -> ModelError:
    return ModelError(ErrorCode.LIMIT_EXCEEDED, message)
