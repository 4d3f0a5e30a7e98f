"""Figure 4: memory over 100,000 requests, and ten swaps of the model under load."""

from __future__ import annotations

import json
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

from . import wrk
from .digits import KINDS, NO_OP, Request, Sample, check, requests, sample
from .servers import Contestant, Server, ask, running
from .throughput import CONNECTIONS

HALF = 50_000
SLICE = 5  # seconds of one kind of request before the next
ADDED = 5  # versions added one by one, then removed one by one: ten swaps
SWAPPING = 60  # seconds of load around them
PATIENCE = 30  # seconds until a version has to answer


def measure(run: Path, ours: Contestant, served: Contestant, versions: Path, folder: Path) -> None:
    """ours: the server of the run; served: one of the folder `versions`, which is filled here."""
    digits = sample(run)
    with running(ours, folder) as server:
        for kind in KINDS:
            check(server, digits, kind)
        start = server.resident()
        counts, sizes = zip(*(_half(server, digits) for _ in range(2)), strict=True)
    print("\n| requests | resident, MiB |\n|---|---:|")
    print(f"| before | {start:.1f} |")
    for title, count, size in zip(("after the first", "after another"), counts, sizes, strict=True):
        print(f"| {title} {count:,} | {size:.1f} |")
    print(f"\nThe second half adds {100 * (sizes[1] / sizes[0] - 1):+.2f} %.")
    _swaps(run, served, versions, digits, folder)


def _half(server: Server, digits: Sample) -> tuple[int, float]:
    """At least 50,000 requests of all kinds in turn; their number and the memory afterwards."""
    done = 0
    for kind in cycle(KINDS):
        load = wrk.load(server.port, requests(digits, kind, server.contestant), CONNECTIONS, SLICE)
        if load.errors:
            sys.exit(f"{load.errors} of {load.requests} requests failed ({kind})")
        done += load.requests
        if done >= HALF:
            break
    wrk.load(server.port, NO_OP, 1, 1)  # the last batch's memory is free again
    return done, server.resident()


def _swaps(run: Path, served: Contestant, versions: Path, digits: Sample, folder: Path) -> None:
    """Add versions 2, 3 … under load, remove them again; each must answer before the next one."""
    shutil.copytree(run, versions / "1")
    asked = requests(digits, "json", served)
    with running(served, folder) as server, ThreadPoolExecutor(1) as pool:
        check(server, digits, "json")
        before = server.resident()
        loading = pool.submit(wrk.load, server.port, asked, CONNECTIONS, SWAPPING)
        seconds: list[float] = []
        for number in range(2, ADDED + 2):
            shutil.copytree(run, versions / str(number))
            seconds.append(_seconds_until(str(number), server, asked[0]))
        for number in range(ADDED, 0, -1):
            shutil.rmtree(versions / str(number + 1))
            seconds.append(_seconds_until(str(number), server, asked[0]))
        if loading.done():
            sys.exit(f"the swaps took longer than {SWAPPING} s, the last of them without load")
        load, after = loading.result(), server.resident()
    print(f"\n{len(seconds)} swaps under load: {load.errors} of {load.requests:,} requests failed. ", end="")
    print(f"The new version answers after {min(seconds):.1f} to {max(seconds):.1f} s. ", end="")
    print(f"Resident {before:.1f} MiB before, {after:.1f} after.")


def _seconds_until(version: str, server: Server, request: Request) -> float:
    started = time.monotonic()
    while time.monotonic() - started < PATIENCE:
        status, body = ask(server.port, *request)
        if status == 200 and json.loads(body)["model"]["version"] == version:
            return time.monotonic() - started
        time.sleep(0.05)
    sys.exit(f"version {version} did not answer within {PATIENCE} s")
