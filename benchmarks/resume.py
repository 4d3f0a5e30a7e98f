"""What a kill costs: the time of a training that is killed in its third epoch and resumed, and of one that is not.

.venv/bin/python benchmarks/resume.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

from inkdigit.utils.hardware import describe_hardware

EPOCHS = 4
TRAIN = [sys.executable, "-m", "inkdigit", "train"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        job = [*TRAIN, "--epochs", str(EPOCHS), "--out"]
        uninterrupted = seconds([*job, f"{folder}/uninterrupted"])
        started = time.perf_counter()
        with subprocess.Popen([*job, f"{folder}/broken"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            ends = [time.perf_counter() for line in process.stdout if is_epoch_line(line, process)]
        killed = time.perf_counter() - started
        resumed = seconds([*TRAIN, "--resume", f"{folder}/broken"])
    epoch = ends[1] - ends[0]
    print(f"{EPOCHS} epochs of the preset fast; {describe_hardware()}\n")
    print("| | seconds |\n|---|---:|")
    print(f"| not killed | {uninterrupted:.1f} |")
    print(f"| until the kill, 10 s after the second epoch | {killed:.1f} |")
    print(f"| resumed to the end | {resumed:.1f} |\n| an epoch | {epoch:.1f} |")
    print(f"| **more than not killed, one epoch subtracted** | {killed + resumed - uninterrupted - epoch:.1f} |")


def is_epoch_line(line: str, process: subprocess.Popen[str]) -> bool:
    """Return whether a line ends an epoch; kill the training during the third epoch."""
    if "epoch 2/" in line:
        time.sleep(10)
        process.kill()
    return ", epoch " in line


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=sys.stderr)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
