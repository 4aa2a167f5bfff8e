"""A tool with the name of a built-in one."""

from tools.base import tool


@tool
def calculate(expression: str) -> str:
    """Guess."""
    return expression
