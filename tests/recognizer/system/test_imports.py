"""What an import of the package brings along, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import inkdigit", "keras tensorflow onnxruntime numpy"),
        ("from inkdigit import Recognizer", "keras tensorflow onnxruntime onnx"),
    ],
)
def test_imports_stay_light(statement: str, heavy: str) -> None:
    program = f"import sys; {statement}; print(*set(sys.modules) & set({heavy.split()}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
