"""The parts that a request is made of, each alone: the model on the cores, the preparation of a picture."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from inkdigit.imaging.preprocess import prepare

from .digits import Kind, Sample, png

CORES = len(os.sched_getaffinity(0))
BATCH = 32


def session(run: Path, threads: int) -> Any:
    """ONNX Runtime with the options of a server: idle threads sleep."""
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(run / "model.onnx"), options, providers=["CPUExecutionProvider"])


def model_rate(run: Path, digits: Sample, threads: int, callers: int, seconds: float) -> float:
    """Digits a second in batches of 32, `callers` at once, each with `threads` threads."""
    pixels = np.resize(digits.images, (BATCH, 28, 28))
    sessions = [session(run, threads) for _ in range(callers)]
    with ThreadPoolExecutor(callers) as pool:
        calls = [pool.submit(rate, lambda s=s: s.run(None, {"pixels": pixels}), seconds) for s in sessions]
        return BATCH * sum(call.result() for call in calls)


def model_milliseconds(run: Path, digits: Sample, threads: int, calls: int = 1000) -> float:
    """The median time of one digit, asked for alone."""
    model, pixels = session(run, threads), digits.images[:1]
    times: list[float] = []
    for _ in range(calls):
        started = time.perf_counter()
        model.run(None, {"pixels": pixels})
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def preparation_rate(digits: Sample, kind: Kind, seconds: float) -> float:
    """Pictures a second from bytes to pixels, on one core."""
    pictures = [png(image, kind) for image in digits.images]
    return len(pictures) * rate(lambda: list(map(prepare, pictures)), seconds)


def rate(call: Callable[[], object], seconds: float) -> float:
    call()
    calls, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        call()
        calls += 1
    return calls / elapsed
