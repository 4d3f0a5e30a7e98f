"""Figure 2: one request at a time, beside the no-op route and the model's own time."""

from __future__ import annotations

import statistics
from pathlib import Path

from . import parts, wrk
from .digits import NO_OP, Sample, check, requests, sample
from .servers import Contestant, Server, running


def measure(run: Path, ours: Contestant, threads: int, rounds: int, seconds: int, folder: Path) -> None:
    digits = sample(run)
    with running(ours, folder) as server:
        check(server, digits, "json")
        times = [_one_round(run, server, digits, threads, seconds) for _ in range(rounds)]
    no_op, answer, model = (statistics.median(column) for column in zip(*times, strict=True))
    print("\nOne request at a time:\n\n| | p50, ms |\n|---|---:|")
    print(f"| no-op route | {no_op:.3f} |")
    print(f"| ONNX Runtime, one digit, threads {threads} | {model:.3f} |")
    print(f"| both | {no_op + model:.3f} |")
    print(f"| JSON of 28×28 pixels | {answer:.3f}, {answer / (no_op + model):.2f}× both |")


def _one_round(run: Path, server: Server, digits: Sample, threads: int, seconds: int) -> tuple[float, float, float]:
    """p50 of the no-op route and of a digit as JSON, and the model's own time, in milliseconds."""
    no_op = wrk.load(server.port, NO_OP, 1, seconds)
    answer = wrk.load(server.port, requests(digits, "json", server.contestant), 1, seconds)
    return no_op.p50, answer.p50, parts.model_milliseconds(run, digits, threads)
