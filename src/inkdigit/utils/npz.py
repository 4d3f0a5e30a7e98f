"""NPZ files of ours: read whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from inkdigit.utils.files import DAMAGE_ERRORS

Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")

# What NumPy and a conversion raise for arrays that are damaged, or others than expected.
_ERRORS = (KeyError, IndexError, TypeError, AttributeError, OSError, MemoryError, *DAMAGE_ERRORS)


def read_npz(file: Path | IO[bytes], convert: Callable[[Arrays], T]) -> T:
    """Read an NPZ file. Pickled objects, which could run code, are never loaded.

    Args:
        file: its path or its open stream.
        convert: gets the arrays by name.

    Returns:
        What `convert` made of them.

    Raises:
        ValueError: there is no such file, it is damaged, or `convert` did not find what it needs.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            # NumPy trusts the shape that an array has in the file, and may not come to the end, where the checksum is.
            if damaged := arrays.zip.testzip():
                raise ValueError(f"{damaged} in it is damaged")
            return convert(arrays)
    except _ERRORS as error:
        raise ValueError(str(error)) from error
