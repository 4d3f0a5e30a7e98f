"""What differs from backend to backend."""

from __future__ import annotations

import os

import numpy as np
import pytest

from inkdigit.training import backend
from inkdigit.utils.hardware import cpu_cores, describe_hardware
from tests.errors import refused


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch's."""


class OtherError(OutOfMemoryError):
    """A subclass under another name."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        np._core._exceptions._ArrayMemoryError((1 << 40,), np.dtype(float)),  # pyright: ignore
        ResourceExhaustedError("in another language"),
        OutOfMemoryError(),
        OtherError(),
        RuntimeError("RESOURCE_EXHAUSTED: of JAX, which has no class for it"),
    ],
)
def test_every_backends_memory_error_is_reported(error: Exception) -> None:
    with refused("memory-exceeded") as caught, backend.memory_errors():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [ValueError("out of memory"), RuntimeError("OOM when allocating"), OSError()])
def test_other_errors_stay_whatever_their_message(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, backend.memory_errors():
        raise error
    assert caught.value is error


def test_cores_are_shared_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(variable, "0")
    assert backend.backend_cores() == cpu_cores()
    backend.share_cores(3)
    assert backend.backend_cores() == 3
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_precision_follows_the_processor_unless_asked() -> None:
    assert backend.dtype_policy("float32") == "float32"
    assert backend.dtype_policy("mixed_bfloat16") == "mixed_bfloat16"
    assert (backend.dtype_policy("auto") == "mixed_bfloat16") == ("BF16" in describe_hardware())
