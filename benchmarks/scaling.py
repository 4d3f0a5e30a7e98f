"""What is left of ONNX Runtime's speed when a whole collection is predicted, and how much memory that takes.

    .venv/bin/python benchmarks/scaling.py                      # 100,000 and 2,000,000 rows; an hour on two cores
    .venv/bin/python benchmarks/scaling.py --rows 20000 100000  # a short look
    .venv/bin/python benchmarks/scaling.py local                # without Ray

Rows are MNIST's training images, each shifted a little, in one Parquet file. The peer is the same model in ONNX Runtime
alone, on images in memory: one session with two threads, or two processes with a session of one thread each, whichever
and with whatever batch is fastest here. `inkdigit bulk` is timed as a user would time it, from the command to its
end: with its start, reading and writing. Memory is that of all its processes, shared pages counted once (PSS).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from inkdigit.data import mnist
from inkdigit.runs.run import ONNX_MODEL, SHIPPED_RUN
from inkdigit.utils.hardware import describe_hardware

ENGINES = ("local", "ray")
BATCHES = (32, 64, 128, 256, 512)
WARM = 2_000  # rows before the clock runs
LOOK = 20_000  # rows, by which the fastest batch is found
IN_MEMORY = 50_000  # rows that the peer goes through again and again
GROUP = 65_536  # rows of a row group
EVERY = 0.5  # seconds between looks at the memory


@dataclass(frozen=True)
class Peer:
    """A way to keep two cores busy with ONNX Runtime alone."""

    processes: int
    threads: int  # of each
    batch: int

    @property
    def name(self) -> str:
        cores = "2 processes" if self.processes == 2 else "1 session of 2 threads"
        return f"ONNX Runtime alone, {cores}, batches of {self.batch}"


@dataclass(frozen=True)
class Job:
    seconds: float
    memory: list[int]  # bytes, look by look

    @property
    def memory_cells(self) -> str:
        steady = statistics.median(self.memory[len(self.memory) // 4 :])
        return f"{steady / 2**20:,.0f} | {max(self.memory) / 2**20:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"{' or '.join(ENGINES)}; both without any")
    parser.add_argument("--rows", nargs="+", type=int, default=[100_000, 2_000_000])
    arguments = parser.parse_args()
    if unknown := set(arguments.engines) - set(ENGINES):
        parser.error(f"no such engine: {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    print(f"28x28 rows from Parquet; {describe_hardware()}\n")
    peer = fastest()
    print("| rows | what | seconds | rows/s | of the peer | memory, MiB | at its peak, MiB |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        for count in arguments.rows:
            source = made(Path(name), count)
            rate = speed(peer, count)
            print(f"| {count:,} | {peer.name} | {count / rate:.1f} | {rate:,.0f} | 100 % | | |", flush=True)
            for engine in arguments.engines or ENGINES:
                job = predicted(source, Path(name) / f"{engine}-{count}", engine)
                own = count / job.seconds
                figures = f"{job.seconds:.1f} | {own:,.0f} | {100 * own / rate:.0f} % | {job.memory_cells}"
                print(f"| {count:,} | `inkdigit bulk --engine {engine}` | {figures} |", flush=True)
            source.unlink()


def made(folder: Path, count: int) -> Path:
    """A Parquet file of `count` rows, written one row group at a time."""
    images, rng = mnist.load()[0].images, np.random.default_rng(0)
    schema = pa.schema([("image", pa.list_(pa.uint8(), 784))])
    path = folder / f"{count}.parquet"
    with parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for start in range(0, count, GROUP):
            some = images[rng.integers(len(images), size=min(GROUP, count - start))]
            some = np.roll(some, tuple(rng.integers(-2, 3, 2)), (1, 2))
            column = pa.FixedSizeListArray.from_arrays(pa.array(some.reshape(-1)), 784)
            writer.write_table(pa.table([column], schema))
    return path


# ---- the peer


def fastest() -> Peer:
    """The fastest way on this machine, found with few rows."""
    ways = [Peer(processes, threads, batch) for processes, threads in ((2, 1), (1, 2)) for batch in BATCHES]
    return max(ways, key=lambda way: speed(way, LOOK))


def speed(peer: Peer, count: int) -> float:
    """Rows a second, from when all processes are warm to when the last one ends."""
    context = multiprocessing.get_context("spawn")
    barrier, seconds = context.Barrier(peer.processes), context.Queue()
    processes = [
        context.Process(target=predict, args=(peer, count // peer.processes, barrier, seconds))
        for _ in range(peer.processes)
    ]
    for process in processes:
        process.start()
    longest = max(seconds.get() for _ in processes)
    for process in processes:
        process.join()
    return count / longest


def predict(peer: Peer, count: int, barrier: Any, seconds: Any) -> None:
    """In a process: predict `count` rows, and put into the queue how long it took."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = peer.threads
    session: Any = onnxruntime.InferenceSession(SHIPPED_RUN / ONNX_MODEL, options, providers=["CPUExecutionProvider"])
    images = mnist.load()[0].images[:IN_MEMORY]
    run(session, images, WARM, peer.batch)
    barrier.wait()
    began = time.perf_counter()
    run(session, images, count, peer.batch)
    seconds.put(time.perf_counter() - began)


def run(session: Any, images: NDArray[np.uint8], count: int, batch: int) -> None:
    for start in range(0, count, batch):
        place = start % (len(images) - batch)
        session.run(["probabilities"], {"pixels": images[place : place + min(batch, count - start)]})


# ---- the command


def predicted(source: Path, out: Path, engine: str) -> Job:
    command = [sys.executable, "-m", "inkdigit", "bulk", str(source), str(out), "--engine", engine]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ) as process:
        memory = watched(process)
    seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed.")
    rows = sum(parquet.read_metadata(path).num_rows for path in out.glob("part-*.parquet"))
    if rows != parquet.read_metadata(source).num_rows:
        sys.exit(f"{out} has {rows:,} rows.")
    return Job(seconds, memory)


def watched(process: subprocess.Popen[bytes]) -> list[int]:
    """The memory of a process and all below it, look by look."""
    looks: list[int] = []
    while process.poll() is None:
        total = 0
        root = psutil.Process(process.pid)
        for one in [root, *root.children(recursive=True)]:
            try:
                total += one.memory_full_info().pss
            except psutil.Error:  # it has just ended
                continue
        looks.append(total)
        time.sleep(EVERY)
    return looks


if __name__ == "__main__":
    main()
