"""What the way through Ray Serve's proxy costs: the plain server and Ray Serve on this machine, one after the other.

apt-get install wrk
.venv/bin/python benchmarks/serving_on_ray.py --model RUN
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from pathlib import Path

from service import servers, wrk
from service.digits import Kind, check, requests, sample

from inkdigit.utils.hardware import describe_hardware

KINDS: tuple[Kind, ...] = ("json", "png")
CONNECTIONS = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=Path, metavar="RUN")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of load a round, server and kind of request")
    arguments = parser.parse_args()
    wrk.check_installed()
    os.environ.pop("RAY_ADDRESS", None)
    run = arguments.model.resolve()
    digits = sample(run)
    plain = servers.ours("--model", str(run))
    ray = servers.ours("--model", str(run), "--engine", "ray")
    contestants = {"Inkdigit": plain, "the same on Ray Serve": dataclasses.replace(ray, name="on Ray Serve")}
    print(f"{arguments.rounds} rounds of {arguments.seconds} s; {describe_hardware()}\n")
    print(f"| server | requests | {CONNECTIONS} connections, requests/s | p99, ms | one connection, p50, ms |")
    print("|---|---|---:|---:|---:|")
    for name, contestant in contestants.items():
        with tempfile.TemporaryDirectory() as folder, servers.running(contestant, Path(folder)) as server:
            while servers.ask(server.port, "GET", "/readyz")[0] != 200:  # Ray's proxy is there before its replicas
                time.sleep(0.1)
            for kind in KINDS:
                check(server, digits, kind)
                asked = requests(digits, kind, contestant)
                many = [wrk.load(server.port, asked, CONNECTIONS, arguments.seconds) for _ in range(arguments.rounds)]
                one = [wrk.load(server.port, asked, 1, arguments.seconds).p50 for _ in range(arguments.rounds)]
                rate, p99 = (
                    statistics.median(column) for column in zip(*((load.rate, load.p99) for load in many), strict=True)
                )
                print(f"| {name} | {kind} | {rate:,.0f} | {p99:.1f} | {statistics.median(one):.2f} |", flush=True)


if __name__ == "__main__":
    main()
