"""Figure 5: seconds to the first answer, memory of a worker, size of a fresh installation."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import venv
from dataclasses import replace
from pathlib import Path

from . import wrk
from .digits import KINDS, Request, check, requests, sample
from .servers import HERE, Contestant, ask, install, ours, running
from .throughput import CONNECTIONS

STARTS = 5


def measure(run: Path, folder: Path) -> None:
    """Build the wheel, install it with `serve` into a fresh environment, and look at the server that runs there."""
    python, size = _installed(folder)
    contestant = ours("--model", str(run))
    # Isolated from a PYTHONPATH that names the tree.
    contestant = replace(contestant, command=(str(python), "-I", *contestant.command[1:]))
    digits = sample(run)
    asked = requests(digits, "json", contestant)[0]
    starts = [_seconds_to_answer(contestant, asked, folder) for _ in range(STARTS)]
    with running(contestant, folder) as server:
        check(server, digits, "json")
        idle = server.resident()
        for kind in KINDS:
            check(server, digits, kind)
            wrk.load(server.port, requests(digits, kind, contestant), CONNECTIONS, 5)
        busy = server.resident()
    print("\nA fresh environment with the wheel and its `serve` extra:\n\n| | |\n|---|---:|")
    spread = f"{min(starts):.2f}–{max(starts):.2f}"
    print(f"| from the command to the first 200, median of {STARTS} | {statistics.median(starts):.2f} s ({spread}) |")
    print(f"| resident after the first answers | {idle:.0f} MiB |")
    print(f"| resident after 15 s of load | {busy:.0f} MiB |")
    print(f"| site-packages without pip | {size:.0f} MiB |")


def _installed(folder: Path) -> tuple[Path, float]:
    """Python of the environment; MiB on disk of what was installed beside pip and what comes with it."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, HERE.parent]
    subprocess.run(build, check=True, stdout=sys.stderr)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "fresh", with_pip=True)
    python = folder / "fresh" / "bin" / "python"
    (packages,) = (folder / "fresh" / "lib").glob("python*/site-packages")
    before = _size(packages)
    install(python, ["--constraint", str(HERE.parent / "constraints.txt"), f"{wheel}[serve]"])
    return python, (_size(packages) - before) / 2**20


def _size(folder: Path) -> int:
    return sum(512 * path.lstat().st_blocks for path in folder.rglob("*"))


def _seconds_to_answer(contestant: Contestant, request: Request, folder: Path) -> float:
    """From the command until a digit is answered with 200."""
    started = time.perf_counter()
    with running(contestant, folder) as server:
        status, body = ask(server.port, *request)
        elapsed = time.perf_counter() - started
    if status != 200:
        sys.exit(f"the first answer is {status} {body!r}")
    return elapsed
