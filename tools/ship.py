"""Makes the model that ships: `fast` on MNIST's 60,000 training images, scored once on the 10,000 others.

    .venv/bin/python tools/ship.py

The training's run stays in runs/shipped and is resumed there; its model and manifest go into the package.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from inkdigit import runs
from inkdigit.data import mnist
from inkdigit.files import cache_dir

ROOT = Path(__file__).parents[1]
RUN = ROOT / "runs" / "shipped"
COMMAND = "python tools/ship.py"


def main() -> None:
    """Train, unless that is done; copy."""
    mnist.load()
    train, test = (cache_dir() / "mnist" / f"{part}-images-idx3-ubyte" for part in ("train", "t10k"))
    command = [sys.executable, "-m", "inkdigit", "train", "--train", train, "--test", test, "--out", RUN]
    subprocess.run(command, check=True)
    manifest = dict(runs.read(RUN).manifest)
    runs.SHIPPED.mkdir(exist_ok=True)
    shutil.copy(RUN / runs.MODEL, runs.SHIPPED / runs.MODEL)
    del manifest["files"], manifest["format"]
    runs.write_manifest(runs.SHIPPED, [runs.MODEL], manifest | {"made_by": COMMAND})


if __name__ == "__main__":
    main()
