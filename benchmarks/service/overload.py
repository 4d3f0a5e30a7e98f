"""Figure 3: three times the load that the server sustains, for a minute."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inkdigit.service.settings import ServiceSettings

from . import open_loop, wrk
from .digits import KINDS, Kind, check, requests, sample
from .servers import Contestant, running
from .throughput import CONNECTIONS

FACTOR = 3
WARM_UP = 10  # seconds of the same overload before memory is looked at
OPEN = 900  # connections: more than the server queues, fewer than the usual limit of open files


def measure(run: Path, ours: Contestant, seconds: int, folder: Path) -> None:
    for kind in ("json", "canvas"):
        _measure(run, ours, kind, seconds, folder)


def _measure(run: Path, ours: Contestant, kind: Kind, seconds: int, folder: Path) -> None:
    digits = sample(run)
    asked = requests(digits, kind, ours)
    with running(ours, folder) as server:
        check(server, digits, kind)
        sustained = wrk.load(server.port, asked, CONNECTIONS, 5).rate
        open_loop.offer(server.port, asked, FACTOR * sustained, WARM_UP, OPEN)
        before = server.resident()
        outcome = open_loop.offer(server.port, asked, FACTOR * sustained, seconds, OPEN)
        after = server.resident()
        check(server, digits, kind)
    offered, statuses = outcome.sent / outcome.seconds, outcome.statuses()
    other = {status: count for status, count in statuses.items() if status not in (200, 503, 504)}
    print(f"\n{KINDS[kind]}, {FACTOR} times the load for {outcome.seconds:.0f} s:\n\n| | |\n|---|---:|")
    print(f"| sustained | {sustained:,.0f} requests/s |")
    print(f"| due; sent | {FACTOR * sustained:,.0f}; {offered:,.0f} requests/s ({offered / sustained:.2f}×) |")
    print(f"| sent late, p50; p99 | {np.median(outcome.late):.1f}; {np.percentile(outcome.late, 99):.1f} ms |")
    print(f"| 200 | {statuses[200]:,} ({statuses[200] / outcome.seconds:,.0f} requests/s) |")
    print(f"| 200: p50; p99 | {outcome.percentile(200, 50):.0f}; {outcome.percentile(200, 99):.0f} ms |")
    print(f"| the deadline | {1000 * ServiceSettings().deadline:.0f} ms |")
    print(f"| 503 | {statuses[503]:,} |")
    print(f"| 503: p50; p99 | {outcome.percentile(503, 50):.1f}; {outcome.percentile(503, 99):.1f} ms |")
    print(f"| 504 | {statuses[504]:,} |")
    print(
        f"| lost: without an answer; another status | {outcome.unanswered:,}; {sum(other.values()):,} {other or ''} |"
    )
    print(f"| resident before; after | {before:.1f}; {after:.1f} MiB ({100 * (after / before - 1):+.1f} %) |")
