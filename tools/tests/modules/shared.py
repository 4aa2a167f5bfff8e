"""A tool that another module of tools imports too."""

from tools.base import tool


@tool
def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()
