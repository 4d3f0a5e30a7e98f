"""Keras and its backends: what must be set before Keras is imported, and what differs from backend to backend."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.utils.hardware import cpu_cores, has_bfloat16


def prepare() -> None:
    """Set the environment for Keras and import it, before anything else does. What the user has set stays.

    Raises:
        InkdigitError: The backend is missing or broken.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow's default only on newer processors, and faster on all (a third on AVX2).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        with _silent_stderr():
            importlib.import_module("keras")
            # Several models in one process are no mistake here, and TensorFlow would say so at each.
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
    except Exception as error:  # whatever a missing or broken backend raises
        raise InkdigitError(f"Keras cannot start: {' '.join(str(error).split())}", code="keras-broken") from error


def share_cores(cores: int) -> None:
    """Let Keras compute on this number of cores in this process. Call it before `prepare`."""
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ[variable] = str(cores)


@contextmanager
def _silent_stderr() -> Generator[None]:
    """Discard what TensorFlow's libraries write past Python while they load; no log level reaches it."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 -- devnull is no file
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# Of NumPy, TensorFlow and PyTorch; JAX has no class of its own for it, and begins its message with a status code.
_MEMORY_ERRORS = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
_MEMORY_STATUS = "RESOURCE_EXHAUSTED"


@contextmanager
def memory_errors() -> Generator[None]:
    """Turn a backend's error for too little memory inside the block into an InkdigitError."""
    try:
        yield
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if kinds.isdisjoint(_MEMORY_ERRORS) and not str(error).startswith(_MEMORY_STATUS):
            raise
        raise InkdigitError(
            "There is too little memory for this network: give it fewer filters or a narrower dense layer, "
            "or train with a smaller batch_size.",
            code="memory-exceeded",
        ) from error


def seed_everything(seed: int, *, deterministic: bool) -> None:
    """Seed Python, NumPy and the backend; `deterministic` also fixes the order of every sum, at some cost in speed."""
    import keras

    clear_session()
    keras.utils.set_random_seed(seed)
    if not deterministic:
        return
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        importlib.import_module("torch").use_deterministic_algorithms(True)


def clear_session() -> None:
    """Free what Keras holds of earlier models, and number the layers of the next one from the beginning."""
    import keras

    keras.utils.clear_session()


def dtype_policy(precision: str) -> str:
    """The Keras dtype policy for a setting. "auto" is bfloat16 where it is faster: TensorFlow, on a CPU that has it."""
    import keras

    if precision != "auto":
        return precision
    faster = has_bfloat16() and keras.backend.backend() == "tensorflow"
    return "mixed_bfloat16" if faster else "float32"


def jit_compile() -> Any:
    """What to pass to Keras as `jit_compile`: under TensorFlow on a CPU, XLA halves the speed of small CNNs."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


def backend_cores() -> int:
    """The number of cores that TensorFlow computes on in this process: as set by `share_cores` or the user, or all."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")) or cpu_cores()
