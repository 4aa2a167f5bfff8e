"""A module of tools, as an installation would list it in TOOL_MODULES."""

from tools.base import tool
from tools.tests.modules.shared import shout

__all__ = ["greet", "shout"]


@tool
def greet(name: str) -> str:
    """Say hello.

    Args:
        name: Whom to greet.
    """
    return f"Hello {name}"
