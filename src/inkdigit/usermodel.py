"""The user's own network: a Python file with one function, `build(settings) -> keras.Model`."""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import keras

from inkdigit.errors import InkdigitError
from inkdigit.settings import Settings


def load(path: Path) -> Callable[[Settings], keras.Model]:
    """`build` from the user's Python file; what goes wrong inside it is told in one sentence with its line."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InkdigitError(f"{path} is not a Python file: --model takes a .py file with a function build(settings).")
    module = importlib.util.module_from_spec(spec)
    with _told(path):
        spec.loader.exec_module(module)
    if not callable(getattr(module, "build", None)):
        raise InkdigitError(f"{path} has no function build: write `def build(settings)` that returns a keras.Model.")

    def build(settings: Settings) -> keras.Model:
        with _told(path):
            model = module.build(settings)
        if not isinstance(model, keras.Model):
            raise InkdigitError(f"{path}: build returned {type(model).__name__}, and must return a keras.Model.")
        return model

    return build


@contextmanager
def _told(path: Path) -> Generator[None]:
    """Turns an error inside the user's file into one sentence that names the line."""
    try:
        yield
    except InkdigitError:
        raise
    except Exception as error:  # the file may raise anything
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
        line = error.lineno if isinstance(error, SyntaxError) else own[-1] if own else None
        where = f"{path}, line {line}" if line else str(path)
        raise InkdigitError(f"{where}: {type(error).__name__}: {' '.join(str(error).split())}") from error
