"""What an open stream and an idle socket hold in memory."""

import psutil

from benchmarks.measure import Load, client, measure, stream
from benchmarks.row import Row, at_most
from benchmarks.servers import AGENTS_SDK, OURS, PLAIN, PYDANTIC, Laboratory, Server

GOAL = "Memory"
STREAMS, SOCKETS = 200, 400
SECONDS = 3  # of a stream: so long that they all are open at the same time
KIB = 1024


def rows(lab: Laboratory, *, quick: bool) -> list[Row]:
    streams: dict[str, list[float]] = {}
    with lab.serve(OURS, PLAIN, PYDANTIC, AGENTS_SDK) as servers:
        for name, server in servers.items():
            stream(server, Load("burst:20", streams=20, waves=2))
            streams[name] = [per_stream(server)]
    with lab.serve(OURS) as servers:
        stream(servers[OURS], Load("burst:20", streams=20, waves=2))
        sockets = per_socket(servers[OURS])
    return [
        Row(GOAL, "an open stream, KiB", streams, (at_most(80),), digits=0),
        Row(GOAL, "an idle WebSocket, KiB", {OURS: [sockets]}, (at_most(40),), digits=0),
    ]


def per_stream(server: Server) -> float:
    """KiB: streams that have said one word and wait for the next, which all are open at the same time."""
    sample = measure(server, Load(f"stamped:2:{SECONDS * 1000}", streams=STREAMS, ramp=SECONDS / 2))
    return (sample.rss_peak - sample.rss_before) / STREAMS / KIB


def per_socket(server: Server) -> float:
    """KiB, of sockets that have been greeted and say nothing."""
    before = psutil.Process(server.process.pid).memory_info().rss
    held = client("sockets", [f"ws://127.0.0.1:{server.port}/ws", str(SOCKETS), str(server.process.pid)], server)
    return float(held["rss"] - before) / SOCKETS / KIB
