"""Decoding in a process of its own: what Pillow prints."""

from __future__ import annotations

import subprocess
import sys

from tests.imaging.test_decode import png_of


def test_pillows_warnings_do_not_reach_the_user():
    script = (
        "import sys; from inkdigit.imaging.decode import decode\n"
        "try:\n    decode(sys.stdin.buffer.read(), 'x')\n"
        "except Exception as error:\n    print(error)"
    )
    content = png_of(12_000, 12_000)
    done = subprocess.run([sys.executable, "-c", script], input=content, capture_output=True, check=True)
    assert b"12000 x 12000" in done.stdout
    assert done.stderr == b""
