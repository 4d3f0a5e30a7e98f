"""Keras's surroundings: what must be set before Keras is imported, and what differs between backends."""

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
    """Set up the environment for Keras and import it, before anything else does. Raises InkdigitError.

    What the user has set stays. oneDNN's convolutions are TensorFlow's default only on newer processors, and faster on
    all (a third on AVX2).
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        with _quiet():
            importlib.import_module("keras")
            # Several models in one process are no mistake here, and TensorFlow would say so at each.
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
    except Exception as error:  # whatever a missing or broken backend raises
        raise InkdigitError(f"Keras cannot start: {' '.join(str(error).split())}") from error


def share_cores(cores: int) -> None:
    """Let Keras compute on so many cores in this process. Call it before `prepare`."""
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ[variable] = str(cores)


@contextmanager
def _quiet() -> Generator[None]:
    """Hold back what TensorFlow's libraries write past Python while they load; no log level reaches it."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 -- devnull is no file
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def memory_told() -> Generator[None]:
    """Make a sentence, an InkdigitError, of it where the memory does not suffice for the block."""
    try:
        yield
    except Exception as error:
        told = f"{type(error).__name__} {error}".lower()
        if not any(words in told for words in ("memoryerror", "resourceexhausted", "resource_exhausted", "allocate")):
            raise
        raise InkdigitError(
            "The memory does not suffice for this network: give it fewer filters or a narrower dense layer, "
            "or train with a smaller batch_size."
        ) from error


def seed_everything(seed: int, *, deterministic: bool) -> None:
    """Seed Python, NumPy and the backend; `deterministic` also fixes the order of every sum, at some cost in speed."""
    import keras

    forget()
    keras.utils.set_random_seed(seed)
    if not deterministic:
        return
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        importlib.import_module("torch").use_deterministic_algorithms(True)


def forget() -> None:
    """Give back what Keras holds of earlier models, and number the layers of the next one from the beginning."""
    import keras

    keras.utils.clear_session()


def precision(asked: str) -> str:
    """The Keras dtype policy to train in. "auto" is bfloat16 where it pays: TensorFlow on a processor that has it."""
    import keras

    if asked != "auto":
        return asked
    pays = has_bfloat16() and keras.backend.backend() == "tensorflow"
    return "mixed_bfloat16" if pays else "float32"


def jit_compile() -> Any:
    """What to pass as `jit_compile`: XLA halves the speed of small CNNs on a CPU under TensorFlow; JAX lives by it."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


def cores() -> int:
    """How many cores TensorFlow computes on in this process: what `share_cores` or the user has set, or all."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")) or cpu_cores()
