"""Training rate in images/s of `fast`, and of the same network in plain PyTorch, in alternating rounds.

    python3 -m venv /tmp/torch && /tmp/torch/bin/pip install torch numpy
    .venv/bin/python benchmarks/training_rate.py /tmp/torch/bin/python

Ours is the whole step: augmentation, forward, backward, Muon, averaging of the weights. The peer's is forward, backward
and AdamW on one batch of random pixels. Each rate is the median of the rounds.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from inkdigit.data.dataset import Dataset
from inkdigit.training import backend
from inkdigit.training.config import Settings, preset
from inkdigit.utils.hardware import describe_hardware, has_bfloat16

ROUNDS, STEPS, WARM_UP = 7, 40, 8


def main() -> None:
    settings = preset("fast")
    ours = Ours(settings)
    peers = {f"PyTorch, {precision}": Peer(sys.argv[1], precision, settings) for precision in ("float32", "bf16")}
    contestants = {
        "Inkdigit, whole step": ours,
        "the same without augmentation": Ours(unaugmented(settings)),
        "the same in float32": Ours(dataclasses.replace(settings, precision="float32")),
        **peers,
    }
    for contestant in contestants.values():
        contestant.rate(WARM_UP)
    # Emulated bf16 is ten times as slow: a few steps are enough.
    steps = {name: STEPS // 8 if "bf16" in name and not has_bfloat16() else STEPS for name in contestants}
    rates = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            rates[name].append(contestant.rate(steps[name]))
    print(f"Median of {ROUNDS} alternating rounds of {STEPS} steps; {describe_hardware()}\n")
    print("| | images/s |\n|---|---|")
    for name, values in rates.items():
        print(f"| {name} | {statistics.median(values):,.0f} |")


def unaugmented(settings: Settings) -> Settings:
    return dataclasses.replace(settings, rotation=0, shift=0, zoom=0, shear=0, elastic=0)


class Ours:
    def __init__(self, settings: Settings):
        backend.prepare()
        from inkdigit.training import model
        from inkdigit.training.trainer import Trainer

        rng = np.random.default_rng(0)
        rows = Dataset(rng.integers(0, 256, (8192, 28, 28), np.uint8), rng.integers(0, 10, 8192), "random pixels")
        self.trainer = Trainer(model.build, rows, settings)
        self.epoch, self.batch_size = 0, settings.batch_size

    def rate(self, steps: int) -> float:
        batches = self.trainer.batches(self.epoch)
        self.epoch += 1
        started = time.perf_counter()
        for step, batch in zip(range(steps), batches, strict=False):
            self.trainer.step(step, *batch)
        return steps * self.batch_size / (time.perf_counter() - started)


class Peer:
    def __init__(self, python: str, precision: str, settings: Settings):
        script = Path(__file__).parent / "peers" / "torch_fast.py"
        command = [
            python,
            str(script),
            precision,
            str(settings.batch_size),
            json.dumps(dataclasses.asdict(settings)),
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def rate(self, steps: int) -> float:
        assert self.process.stdin
        assert self.process.stdout
        print(steps, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


if __name__ == "__main__":
    main()
