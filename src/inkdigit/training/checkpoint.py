"""All that a training needs to continue, in one NPZ file."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from inkdigit.errors import InkdigitError
from inkdigit.training.ema import WeightEMA
from inkdigit.utils.files import atomic
from inkdigit.utils.npz import Arrays, read_npz


def save_checkpoint(path: Path, model: keras.Model, ema: WeightEMA, progress: Any) -> None:
    """Write the variables of a model and of its optimizer, and its averaged weights, complete or not at all.

    Args:
        path: the file.
        model: compiled, its optimizer built.
        ema: of the model's weights.
        progress: what else to keep, in types that JSON has.
    """
    arrays: dict[str, Any] = {f"average/{i}": weight for i, weight in enumerate(ema.weights)}
    for kind, variables in _variables(model).items():
        arrays |= {f"{kind}/{i}": keras.ops.convert_to_numpy(variable) for i, variable in enumerate(variables)}
    arrays["progress"] = np.array(json.dumps(progress))
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def restore_checkpoint(path: Path, model: keras.Model, ema: WeightEMA) -> Any:
    """Read what `save_checkpoint` wrote into a model and its average.

    Returns:
        The `progress` that was saved.

    Raises:
        InkdigitError: The file is damaged, or belongs to another network.
    """
    model.optimizer.build(model.trainable_variables)
    try:
        return read_npz(path, partial(_restore, model, ema))
    except ValueError:
        raise InkdigitError(
            f"{path} does not fit this training, or is damaged: remove its folder and train again.",
            code="checkpoint-damaged",
        ) from None


def _restore(model: keras.Model, ema: WeightEMA, arrays: Arrays) -> Any:
    """Restore from the arrays of a checkpoint; its `progress`."""
    progress = json.loads(str(arrays["progress"]))
    averaged = sum(name.startswith("average/") for name in arrays)
    if averaged not in {0, len(model.get_weights())}:
        raise ValueError(f"it has {averaged} averaged weights")
    ema.weights = [arrays[f"average/{i}"] for i in range(averaged)]
    for kind, variables in _variables(model).items():
        for i, variable in enumerate(variables):
            variable.assign(arrays[f"{kind}/{i}"])
    return progress


def _variables(model: keras.Model) -> dict[str, list[Any]]:
    return {"model": model.variables, "optimizer": model.optimizer.variables}
