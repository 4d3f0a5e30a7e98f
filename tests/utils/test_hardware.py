"""The machine that a run was made on."""

from __future__ import annotations

import platform

from inkdigit.utils.hardware import cpu_cores, describe_hardware, library_versions, peak_memory


def test_the_machine_is_described_in_one_line() -> None:
    line = describe_hardware()
    assert f"{cpu_cores()} cores" in line
    assert platform.system() in line
    assert "\n" not in line


def test_the_libraries_are_listed_with_python() -> None:
    versions = library_versions()
    assert versions["python"] == platform.python_version()
    assert {"inkdigit", "numpy", "onnxruntime"} <= set(versions)


def test_the_memory_is_counted_in_bytes() -> None:
    peak = peak_memory()
    assert peak is None or peak > 10 * 2**20  # Python and NumPy alone take more
