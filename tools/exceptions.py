"""What can go wrong with tools."""


class ToolsError(Exception):
    """The root of this app's exceptions."""


class ToolDefinitionError(ToolsError):
    """A function cannot be a tool as it is written. The message says what to change."""


class DuplicateToolError(ToolsError):
    """Two different tools have the same name."""


class UnknownToolError(ToolsError):
    """No tool has this name."""


class ToolError(ToolsError):
    """Raised by a tool. The message is shown to the model and to people as it is: no secrets, no paths."""


class ServiceRefusedError(ToolError):
    """A service on the network answered with an HTTP error; `status` is its code."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
