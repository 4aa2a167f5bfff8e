"""Rows as Markdown: a table for each goal, with the servers that were measured for it."""

from collections.abc import Iterable, Sequence

from benchmarks.row import Row
from benchmarks.servers import OURS, POSTGRES, SERVERS

ORDER = (OURS, POSTGRES, *SERVERS[1:])
MARKS = {True: "yes", False: "**no**", None: ""}


def tables(rows: Sequence[Row]) -> str:
    goals = dict.fromkeys(row.goal for row in rows)
    return "\n\n".join(table(goal, [row for row in rows if row.goal == goal]) for goal in goals)


def table(goal: str, rows: Sequence[Row]) -> str:
    measured = {name for row in rows for name in row.rounds}
    servers = [name for name in ORDER if name in measured] + sorted(measured - set(ORDER))
    head = [line(["", *servers, "bound", "holds"]), line(["---", *["---:"] * len(servers), "---", "---"])]
    body = [line([row.title, *(row.cell(name) for name in servers), row.bound, MARKS[row.holds]]) for row in rows]
    return "\n".join([f"### {goal}\n", *head, *body])


def verdict(rows: Sequence[Row]) -> str:
    """How many bounds hold, and which do not."""
    judged = [row for row in rows if row.holds is not None]
    broken = [f"{row.goal}: {row.title}" for row in judged if not row.holds]
    text = f"{len(judged) - len(broken)} of {len(judged)} rows with a bound hold it."
    return text + ("".join(f"\n- not: {each}" for each in broken))


def line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
