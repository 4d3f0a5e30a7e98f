"""What importing `inkdigit.prepare` loads."""

from __future__ import annotations

import subprocess
import sys


def test_importing_prepare_loads_no_heavy_library():
    script = (
        "import sys, inkdigit\n"
        "inkdigit.prepare\n"
        "heavy = {'keras', 'tensorflow', 'matplotlib', 'cv2', 'onnxruntime', 'scipy', 'starlette'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
