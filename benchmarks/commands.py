"""Seconds of whole commands: `inkdigit submit` on 28,000 rows and `inkdigit --help`, each beside a peer.

    .venv/bin/python benchmarks/commands.py RUN

RUN is any run folder. Each command is a fresh process; the rounds alternate; the table gives medians. The peer of
`submit` does the same with NumPy and Keras, as tutorials do; that of `--help` is Python doing nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inkdigit.data.split import write_split
from inkdigit.utils.hardware import describe_hardware

ROUNDS = 5
KERAS_SUBMIT = """
import sys
import keras
import numpy as np
rows = np.loadtxt(sys.argv[2], np.uint8, delimiter=",", skiprows=1).reshape(-1, 28, 28)
digits = keras.models.load_model(sys.argv[1]).predict(rows, batch_size=256, verbose=0).argmax(1)
predictions = np.stack([np.arange(1, len(digits) + 1), digits], 1)
np.savetxt(sys.argv[3], predictions, "%d", ",", header="ImageId,Label", comments="")
"""


def main() -> None:
    run = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_split(42_000, 0, folder)
        test, ours, theirs = folder / "test.csv", folder / "ours.csv", folder / "theirs.csv"
        inkdigit = [str(Path(sys.executable).with_name("inkdigit"))]
        commands = {
            "`inkdigit submit`, 28,000 rows": [*inkdigit, "submit", str(run), "--test", str(test), "-o", str(ours)],
            "the same with NumPy and Keras": [
                *[sys.executable, "-c", KERAS_SUBMIT],
                *[str(run / "model.keras"), str(test), str(theirs)],
            ],
            "`inkdigit --help`": [*inkdigit, "--help"],
            "`import inkdigit`": [sys.executable, "-c", "import inkdigit"],
            "Python doing nothing": [sys.executable, "-c", "pass"],
        }
        seconds = {label: [] for label in commands}
        for _ in range(ROUNDS):
            for label, command in commands.items():
                seconds[label].append(elapsed(command, folder / "cache"))
        same = ours.read_text() == theirs.read_text()
    print(f"Median of {ROUNDS} alternating rounds, nothing cached; {describe_hardware()}\n")
    print("| command | seconds |\n|---|---:|")
    for label, values in seconds.items():
        print(f"| {label} | {statistics.median(values):.2f} |")
    print(f"\nThe two submissions are {'the same' if same else 'different'}.")


def elapsed(command: list[str], cache: Path) -> float:
    """Wall seconds of a fresh process whose caches are empty."""
    environment = {"INKDIGIT_CACHE": str(cache / str(time.monotonic_ns())), "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
