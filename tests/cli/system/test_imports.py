"""What the command line imports before it knows what to do."""

from __future__ import annotations

import subprocess
import sys


def test_help_and_import_are_light() -> None:
    script = (
        "import sys, inkdigit, inkdigit.cli\n"
        "inkdigit.cli.main(['train', '--help'], standalone_mode=False)\n"
        "heavy = {'keras', 'tensorflow', 'matplotlib', 'cv2', 'onnxruntime', 'numpy', 'msgspec'} & set(sys.modules)\n"
        "inkdigit.Recognizer\n"
        "heavy |= {'keras', 'tensorflow', 'matplotlib', 'cv2'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--preset" in done.stdout
