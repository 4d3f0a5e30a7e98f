"""Networks that are not ours: a user's file with `build(settings) -> keras.Model`, or the network of an earlier run."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from inkdigit.errors import InkdigitError
from inkdigit.runs.run import KERAS_MODEL, read_verified
from inkdigit.training import backend
from inkdigit.training.config import Settings

REASON_LENGTH = 300  # characters: Keras puts the whole network before its reason


def load_build_function(path: Path) -> Callable[[Settings], keras.Model]:
    """Load `build` from the user's Python file.

    Returns:
        The function. An error inside it becomes an InkdigitError that names the line.

    Raises:
        InkdigitError: The file is not Python, fails, or has no `build`.
    """
    if not path.is_file() or path.suffix != ".py":
        raise InkdigitError(
            f"{path} is not a Python file: --model takes a .py file with a function build(settings).",
            code="model-file-not-python",
        )
    module = ModuleType(f"inkdigit_custom_model_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickle look a class's module up there
    with _errors_with_line(path):  # not imported, which would leave bytecode beside the user's file
        exec(compile(path.read_bytes(), path, "exec"), module.__dict__)  # noqa: S102
    if not callable(getattr(module, "build", None)):
        raise InkdigitError(
            f"{path} has no function build: write `def build(settings)` that returns a keras.Model.",
            code="model-file-without-build",
        )

    def build(settings: Settings) -> keras.Model:
        with _errors_with_line(path), backend.memory_errors():
            model = module.build(settings)
        if not isinstance(model, keras.Model):
            raise InkdigitError(
                f"{path}: build returned {type(model).__name__}, and must return a keras.Model.",
                code="model-file-without-model",
            )
        return model

    return build


def trained_build_function(run: Path) -> Callable[[Settings], keras.Model]:
    """Make a `build` that gives a run's network with its trained weights.

    The file is checked against the run's manifest, and Keras's safe mode keeps it from bringing code along.

    Raises:
        InkdigitError: The run is damaged; also by the function, where Keras cannot load the network.
    """
    content = read_verified(run, KERAS_MODEL)

    def build(_: Settings) -> keras.Model:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / KERAS_MODEL
            path.write_bytes(content)
            try:
                model: Any = keras.models.load_model(path, compile=False, safe_mode=True)
            except Exception as error:  # Keras has no error of its own for a damaged or refused file
                reason = " ".join(str(error).split())[-REASON_LENGTH:]
                raise InkdigitError(
                    f"{run / KERAS_MODEL} cannot be loaded: {reason}", code="keras-model-unreadable"
                ) from error
        return model

    return build


@contextmanager
def _errors_with_line(path: Path) -> Generator[None]:
    """Turn an error inside the user's file into one sentence that names the line."""
    try:
        yield
    except InkdigitError:
        raise
    except Exception as error:  # the file may raise anything
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
        line = error.lineno if isinstance(error, SyntaxError) else own[-1] if own else None
        where = f"{path}, line {line}" if line else str(path)
        raise InkdigitError(
            f"{where}: {type(error).__name__}: {' '.join(str(error).split())}", code="model-file-fails"
        ) from error
