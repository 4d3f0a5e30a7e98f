"""Figure 1: single digits a second over 32 connections, beside the peers and the limit that the parts set together."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from . import parts, wrk
from .digits import KINDS, NO_OP, Kind, Request, Sample, check, requests, sample
from .parts import CORES
from .servers import Contestant, Server, running

CONNECTIONS = 32
PARTS: dict[str, Callable[[Path, Sample, float], float]] = {
    "ONNX Runtime, batches of 32, one thread": lambda run, digits, s: parts.model_rate(run, digits, 1, 1, s),
    f"the same, {CORES} threads": lambda run, digits, s: parts.model_rate(run, digits, CORES, 1, s),
    f"the same, {CORES} callers of one thread each": lambda run, digits, s: parts.model_rate(run, digits, 1, CORES, s),
    "PNG of 28×28: decode and prepare, one core": lambda _, digits, s: parts.preparation_rate(digits, "png", s),
    "PNG of 280×280: the same": lambda _, digits, s: parts.preparation_rate(digits, "canvas", s),
}
MODEL, MODEL_CORES, MODEL_CALLERS = list(PARTS)[:3]
PREPARATION: dict[Kind, str] = dict(zip(("png", "canvas"), list(PARTS)[3:], strict=True))


class Round(NamedTuple):
    """rate: requests/s; p99: milliseconds; server, client: processor milliseconds a request."""

    rate: float
    p99: float
    server: float
    client: float


Rounds = dict[str, list[Round]]


@dataclass(frozen=True)
class Measured:
    answers: dict[Kind, Rounds]
    no_op: list[Round]
    parts: dict[str, list[float]]


def measure(run: Path, contestants: list[Contestant], rounds: int, seconds: int, folder: Path) -> None:
    """Print the tables. The first contestant is ours."""
    digits = sample(run)
    with ExitStack() as stack:
        servers = [stack.enter_context(running(contestant, folder)) for contestant in contestants]
        for server in servers:
            for kind in KINDS:
                check(server, digits, kind)
        measured = Measured({kind: defaultdict(list) for kind in KINDS}, [], defaultdict(list))
        for number in range(rounds):
            _one_round(run, servers, digits, seconds, measured)
            print(f"throughput: round {number + 1} of {rounds} done", file=sys.stderr, flush=True)
    for kind in KINDS:
        _print_rates(kind, measured)
    _print_limits(measured)


def _one_round(run: Path, servers: list[Server], digits: Sample, seconds: int, measured: Measured) -> None:
    for part, measure_part in PARTS.items():
        measured.parts[part].append(measure_part(run, digits, seconds / 4))
    measured.no_op.append(_load(servers[0], NO_OP, seconds))
    for kind, rounds in measured.answers.items():
        for server in servers:
            rounds[server.contestant.name].append(_load(server, requests(digits, kind, server.contestant), seconds))


def _load(server: Server, asked: list[Request], seconds: int) -> Round:
    before = server.processor_seconds()
    load = wrk.load(server.port, asked, CONNECTIONS, seconds)
    if load.errors:
        sys.exit(f"{server.contestant.name}: {load.errors} of {load.requests} requests failed, {asked[0].path}")
    used = server.processor_seconds() - before
    server.rest()
    each = 1000 / load.requests
    return Round(load.rate, load.p99, each * used, each * load.processor_seconds)


def median(rounds: list[Round]) -> Round:
    return Round(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def _print_rates(kind: Kind, measured: Measured) -> None:
    print(f"\n{KINDS[kind]}:\n")
    print("| server | requests/s | least–most | p99, ms | processor ms a request | ours is |")
    print("|---|---:|---:|---:|---:|---:|")
    rows = measured.answers[kind]
    ours = median(next(iter(rows.values()))).rate
    for name, rounds in rows.items():
        times = f"{ours / median(rounds).rate:.2f}×"
        print(_row(name, rounds, times))
    print(_row("no-op route of the same stack", measured.no_op, ""))


def _row(name: str, rounds: list[Round], times: str) -> str:
    middle, rates = median(rounds), [r.rate for r in rounds]
    spread = f"{min(rates):,.0f}–{max(rates):,.0f}"
    return f"| {name} | {middle.rate:,.0f} | {spread} | {middle.p99:.1f} | {middle.server:.3f} | {times} |"


def _print_limits(measured: Measured) -> None:
    """What the parts allow, by two formulas: one after the other, and by the processor's time alone."""
    rates = {part: statistics.median(values) for part, values in measured.parts.items()}
    print("\n| part alone | a second |\n|---|---:|")
    for part, value in rates.items():
        print(f"| {part} | {value:,.0f} |")
    no_op, model = median(measured.no_op), max(rates[MODEL_CORES], rates[MODEL_CALLERS])
    print("\n| requests | limit, parts in turn | ours of it | limit, processor time | ours of it |")
    print("|---|---:|---:|---:|---:|")
    for kind, title in KINDS.items():
        preparation = 1 / rates[PREPARATION[kind]] if kind in PREPARATION else 0.0
        in_turn = 1 / (1 / no_op.rate + 1 / model + preparation / CORES)
        processor = CORES / ((no_op.server + no_op.client) / 1000 + 1 / rates[MODEL] + preparation)
        ours = median(next(iter(measured.answers[kind].values()))).rate
        print(f"| {title} | {in_turn:,.0f} | {ours / in_turn:.0%} | {processor:,.0f} | {ours / processor:.0%} |")
    print(
        f"\nParts in turn: 1 / (1 / no-op + 1 / ONNX Runtime on {CORES} cores + 1 / ({CORES} × preparation)). ", end=""
    )
    print(f"Processor time: {CORES} / (a no-op's, server and wrk + ONNX Runtime's on one core + preparation's).")
