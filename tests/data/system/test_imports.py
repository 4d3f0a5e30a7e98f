"""Reading a file imports what its format needs, and nothing more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from inkdigit.data.dataset import Dataset
from tests.data.formats import npz


def test_reading_npz_imports_no_other_format(tmp_path: Path, rng: np.random.Generator):
    path = npz(tmp_path, Dataset(rng.integers(0, 200, (3, 28, 28), np.uint8), None, "random"))
    script = (
        "import sys; from pathlib import Path\n"
        "from inkdigit.data.loading import read_dataset; read_dataset(Path(sys.argv[1]))\n"
        "heavy = {'pyarrow', 'PIL', 'onnxruntime', 'keras'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
