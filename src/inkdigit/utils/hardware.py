"""The machine that a run was made on: processor, memory, library versions."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

LIBRARIES = (
    "inkdigit",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "numpy",
    "onnx",
    "onnxruntime",
)

# The first that a processor has is shown: feature flag, name.
VECTOR_UNITS = (
    ("amx_bf16", "AMX BF16"),
    ("avx512_bf16", "AVX-512 BF16"),
    ("avx512f", "AVX-512"),
    ("avx2", "AVX2"),
)


def describe_hardware() -> str:
    """Describe the machine in one line: processor, cores, best vector unit, system."""
    name, flags = _processor()
    best = next((label for flag, label in VECTOR_UNITS if flag in flags), "")
    features = f" ({best})" if best else ""
    return f"{name}, {cpu_cores()} cores{features}, {platform.system()}"


def cpu_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16 numbers."""
    return not {"amx_bf16", "avx512_bf16"}.isdisjoint(_processor()[1])


def peak_memory() -> int | None:
    """Return the most memory that this process has held, in bytes; None where the system does not report it."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed libraries, by name."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> tuple[str, set[str]]:
    """Name and feature flags of the processor, as far as the system reports them."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), set()
    lines = dict(line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line)
    rows = {key.strip(): value.strip() for key, value in lines.items()}
    return rows.get("model name", platform.machine()), set(rows.get("flags", "").split())
