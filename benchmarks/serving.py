"""How fast, how steady and how small the service is, beside its peers in the same run.

    apt-get install wrk
    .venv/bin/python benchmarks/serving.py --model RUN
    .venv/bin/python benchmarks/serving.py throughput latency --model RUN

RUN is any run folder. The peers (benchmarks/peers) serve the same model; each gets an environment of its own in the
user's cache, made at the first run. Every server has one worker and runs on this machine beside wrk, idle while another
is measured. Figures are medians of alternating rounds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from service import footprint, latency, overload, servers, soak, throughput, wrk

from inkdigit.utils.hardware import describe_hardware

FIGURES = ("throughput", "latency", "overload", "soak", "footprint")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"{', '.join(FIGURES)}; all without any")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of load for each round, server and kind of request")
    arguments = parser.parse_args()
    if unknown := set(arguments.figures) - set(FIGURES):
        parser.error(f"no such figure: {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    wrk.check_installed()
    run, rounds, seconds = arguments.model.resolve(), arguments.rounds, arguments.seconds
    ours = servers.ours("--model", str(run))
    print(f"One worker, {throughput.CONNECTIONS} connections, {rounds} rounds of {seconds} s; {describe_hardware()}")
    for figure in arguments.figures or FIGURES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if figure == "throughput":
                throughput.measure(run, [ours, *servers.peers(run)], rounds, seconds, folder)
            elif figure == "latency":
                latency.measure(run, ours, 1, rounds, seconds, folder)
            elif figure == "overload":
                overload.measure(run, ours, 60, folder)
            elif figure == "soak":
                soak.measure(run, ours, servers.ours("--models", str(folder / "models")), folder / "models", folder)
            else:
                footprint.measure(run, folder)


if __name__ == "__main__":
    main()
