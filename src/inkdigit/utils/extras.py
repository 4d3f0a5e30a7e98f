"""The extras of the package, such as `inkdigit[read]`: which modules each of them installs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from inkdigit.errors import InkdigitError

Extra = Literal["read", "train", "serve", "kaggle", "parquet", "pdf", "sklearn", "tune", "bulk", "cluster"]

_TRAIN = ("keras", "cv2", "matplotlib", "onnx", "jinja2")

# By extra: the modules to import, which must match the packages in pyproject.toml.
MODULES: dict[Extra, tuple[str, ...]] = {
    "read": ("cv2",),
    "train": _TRAIN,
    "serve": ("cv2", "httptools", "msgspec", "prometheus_client", "python_multipart", "starlette", "uvicorn"),
    "kaggle": ("kaggle",),
    "parquet": ("pyarrow",),
    "pdf": ("pypdfium2",),
    "sklearn": ("sklearn",),
    "tune": (*_TRAIN, "optuna"),
    "bulk": ("pyarrow", "fsspec"),
    "cluster": ("ray",),
}


class ExtraMissingError(InkdigitError, ImportError):
    """A package that the user's wish needs is not installed."""


def require_extra(extra: Extra, purpose: str, *modules: str) -> None:
    """Check that an extra is installed. Cheap: nothing is imported.

    Args:
        extra: the extra to check.
        purpose: what needs it, as the subject of a sentence, such as `A report`.
        modules: check these alone, where only a part of the extra is needed.

    Raises:
        ExtraMissingError: a module is missing; the sentence gives the command that installs it.
    """
    missing = [module for module in modules or MODULES[extra] if not find_spec(module)]
    if missing:
        raise ExtraMissingError(
            f'{purpose} needs {", ".join(missing)}: pip install "inkdigit[{extra}]".', code="extra-missing"
        )
