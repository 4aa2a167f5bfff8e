"""The client programs of docs/clients.md, as they stand there, for a server on another port."""

import re

from tests.processes import ROOT
from tests.product import Product

QUESTION = "What's the weather in Tokyo and what's 15 + 27?"
ADDRESS = "localhost:8000"


def example(language: str, text: str, server: Product) -> str:
    """The one block in that language that contains the text; only the server's address is replaced."""
    page = (ROOT / "docs" / "clients.md").read_text()
    blocks = [
        block for block in re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE) if text in block
    ]
    assert len(blocks) == 1, f"{len(blocks)} examples in {language} contain {text!r}"
    return str(blocks[0]).replace(ADDRESS, f"localhost:{server.port}")
