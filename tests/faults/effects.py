"""What the tools under test have done to the world: the lines of their file."""

from pathlib import Path

from tests.faults.waiting import until


class EffectsOf:
    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self, order: str) -> list[str]:
        return [line for line in self._path.read_text().splitlines() if line.startswith(f"{order} ")]

    def keys(self, order: str, tool: str) -> list[str]:
        """The idempotency keys that the tool began to work under."""
        return [line.split()[3] for line in self.lines(order) if line.startswith(f"{order} {tool} begin ")]

    async def begun(self, order: str, count: int, *, within: float = 30) -> None:
        """Return when so many tools have begun to work on the order."""

        async def have_begun() -> bool:
            return sum(" begin " in line for line in self.lines(order)) >= count

        await until(have_begun, within=within)
