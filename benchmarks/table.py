"""Samples as a table: medians over the rounds, ratios within each round."""

from collections.abc import Callable, Iterable
from statistics import median, quantiles
from typing import Literal

from benchmarks.measure import Sample
from benchmarks.servers import OURS, PEER, RELAY

SERVERS = (OURS, PEER, RELAY)
COLUMNS = ("", "ours", "peer", "relay", "ours against peer")
MS = 1000


def table(samples: list[Sample]) -> str:
    """The whole result as Markdown."""
    loads = list(dict.fromkeys(sample.load for sample in samples))
    return "\n\n".join(_load_table(load, [sample for sample in samples if sample.load == load]) for load in loads)


def _load_table(load: str, samples: list[Sample]) -> str:
    paced = load == "paced"
    first = "first token, added delay" if paced else "first token, from the request"
    table = Comparison({name: [sample for sample in samples if sample.server == name] for name in SERVERS})
    rows = [
        table.row("CPU per token, µs", lambda sample: sample.cpu_per_token, digits=1, better="less"),
        table.row("– of it in database threads", lambda sample: sample.threads_per_token, digits=1),
        table.row("tokens per second", lambda sample: sample.tokens_per_second, better="more"),
        table.row(f"{first}, p50, ms", lambda sample: median(sample.outcome.first) * MS, digits=1),
        table.row(f"{first}, p99, ms", lambda sample: p99(sample.outcome.first) * MS, digits=1),
        table.row("memory, peak RSS, MiB", lambda sample: sample.rss / 2**20),
    ]
    if paced:
        rows.append(table.row("pause between reads, p99, ms", lambda sample: p99(sample.outcome.gaps) * MS, digits=1))
    return "\n".join([f"**{load}**\n", _line(COLUMNS), _line(["---"] + ["---:"] * (len(COLUMNS) - 1)), *rows])


class Comparison:
    """The samples of one load, by server, in the order of the rounds."""

    def __init__(self, samples: dict[str, list[Sample]]) -> None:
        self.samples = samples

    def values(self, server: str, value: Callable[[Sample], float]) -> list[float]:
        return [value(sample) for sample in self.samples[server]]

    def row(
        self, title: str, value: Callable[[Sample], float], *, digits: int = 0, better: Literal["less", "more", ""] = ""
    ) -> str:
        """A line with each server's median; with `better` also how many times better ours is than the peer."""
        cells = [f"{median(self.values(name, value)):.{digits}f}" for name in SERVERS]
        return _line([title, *cells, self.ratio(value, better) if better else ""])

    def ratio(self, value: Callable[[Sample], float], better: Literal["less", "more"]) -> str:
        """The median of the rounds' ratios, and their range."""
        pairs = zip(self.values(OURS, value), self.values(PEER, value), strict=True)
        times = [peer / ours if better == "less" else ours / peer for ours, peer in pairs]
        return f"**{median(times):.1f}×** {better} ({min(times):.1f}–{max(times):.1f})"


def p99(values: list[float]) -> float:
    return quantiles(values, n=100)[-1]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
