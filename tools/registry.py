"""Which tools there are, by name."""

from collections.abc import Iterable, Iterator

from tools.base import Tool
from tools.exceptions import DuplicateToolError, UnknownToolError


class ToolRegistry:
    """Tools by name, in the order of registration."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self.register(tool)

    def register(self, tool: Tool) -> None:
        """Add a tool. The same tool again changes nothing; another one of the same name raises DuplicateToolError."""
        if self._tools.setdefault(tool.name, tool) is not tool:
            raise DuplicateToolError(f"Two tools are called {tool.name!r}. Rename one: @tool(name=…).")

    def replace(self, tools: Iterable[Tool]) -> None:
        """Hold exactly these tools from now on; on an error, what was held before stays."""
        self._tools = ToolRegistry(tools)._tools

    def get(self, name: str) -> Tool:
        """The tool of this name; raises UnknownToolError where there is none."""
        try:
            return self._tools[name]
        except KeyError:
            raise UnknownToolError(
                f"There is no tool {name!r}. There are: {', '.join(self._tools) or 'none'}."
            ) from None

    def select(self, names: Iterable[str]) -> tuple[Tool, ...]:
        """The tools of these names, in this order; raises UnknownToolError for the first that is missing."""
        return tuple(self.get(name) for name in names)

    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(tuple(self._tools.values()))

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools


# Filled by tools.apps when the process starts.
registry = ToolRegistry()
