"""A module with a function that cannot be a tool."""

from tools.base import tool


@tool
def silent(text: str) -> str:
    return text
