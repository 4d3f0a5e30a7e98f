"""How long does reading Kaggle's train.csv take? Run: python benchmarks/csv_reading.py

Each reading is a process of its own, as for someone who calls a command once: what it has to
import is included. The file itself is in the system's page cache. Median of three.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from inkdigit.data.split import write_split

READINGS = {
    "`inkdigit.data.kaggle_csv.read_csv`, nothing cached": """
import os, tempfile
with tempfile.TemporaryDirectory() as cache:
    os.environ["INKDIGIT_CACHE"] = cache
    began = clock()
    from inkdigit.data.kaggle_csv import read_csv
    images = read_csv(path).images
    print(clock() - began)
""",
    "`inkdigit.data.kaggle_csv.read_csv`, from its cache": """
began = clock()
from inkdigit.data.kaggle_csv import read_csv
images = read_csv(path).images
print(clock() - began)
""",
    "`numpy.loadtxt`": """
began = clock()
images = np.loadtxt(path, np.uint8, delimiter=",", skiprows=1)[:, 1:].reshape(-1, 28, 28)
print(clock() - began)
""",
}
START = """
import sys
from pathlib import Path
from time import perf_counter as clock
import numpy as np
path = Path(sys.argv[1])
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_split(42_000, 0, Path(folder))
        train = Path(folder) / "train.csv"
        print(f"Reading Kaggle's train.csv: 42,000 rows, {train.stat().st_size / 1e6:.0f} MB\n")
        print("| reader | seconds |\n|---|---:|")
        for name, code in READINGS.items():
            seconds = statistics.median(seconds_for(code, train, folder) for _ in range(3))
            print(f"| {name} | {seconds:.2f} |", flush=True)


def seconds_for(code: str, train: Path, cache: str) -> float:
    command = [sys.executable, "-c", START + code, str(train)]
    environment = {**os.environ, "INKDIGIT_CACHE": cache}
    return float(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


if __name__ == "__main__":
    main()
