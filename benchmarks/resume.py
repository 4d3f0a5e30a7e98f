"""What a kill costs: a training killed in its third epoch and resumed, beside an unbroken one.

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
        unbroken = seconds([*job, f"{folder}/unbroken"])
        started = time.perf_counter()
        with subprocess.Popen([*job, f"{folder}/broken"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            ends = [time.perf_counter() for line in process.stdout if told(line, process)]
        killed = time.perf_counter() - started
        resumed = seconds([*TRAIN, "--resume", f"{folder}/broken"])
    epoch = ends[1] - ends[0]
    print(f"{EPOCHS} epochs of the preset fast; {describe_hardware()}\n")
    print("| | seconds |\n|---|---:|")
    print(f"| unbroken | {unbroken:.1f} |")
    print(f"| until the kill, 10 s after the second epoch | {killed:.1f} |")
    print(f"| resumed to the end | {resumed:.1f} |\n| an epoch | {epoch:.1f} |")
    print(f"| **more than unbroken, beside one epoch** | {killed + resumed - unbroken - epoch:.1f} |")


def told(line: str, process: subprocess.Popen[str]) -> bool:
    """Whether a line ends an epoch; kills the training well into the third one."""
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
