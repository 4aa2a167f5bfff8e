"""A module without a tool."""


def plain(text: str) -> str:
    """Forgot the decorator."""
    return text
