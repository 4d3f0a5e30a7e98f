"""A finished run as the teacher of a network (distillation)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inkdigit.evaluation.calibration import calibration_of
from inkdigit.recognizer import Recognizer
from inkdigit.runs.run import MANIFEST, ONNX_MODEL, file_checksum, read_run
from inkdigit.training.finetune import run_settings
from inkdigit.training.job import member_folders

if TYPE_CHECKING:
    from inkdigit.training.trainer import Teacher


def teacher_function(run: Path) -> Teacher:
    """Make the function that gives a run's probabilities for a batch of images.

    Of an average whose members lie beside it, each member predicts a share of the images. The shares are drawn again
    in every epoch, so this teaches what the average would, in a fraction of the time. For the same reason each image
    is looked at once, also where the run uses test-time augmentation.
    """
    recognizers = [recognizer_without_tta(folder) for folder in teacher_runs(run)]

    def predict(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        shares = np.array_split(images, len(recognizers))
        return np.concatenate([r.predict_proba(share) for r, share in zip(recognizers, shares, strict=True)])

    return predict


def teacher_runs(run: Path) -> list[Path]:
    """The runs that predict for a teacher: the members of an average where they lie beside it, or else itself."""
    averaged = read_run(run).manifest.get("averaged", [])
    folders = member_folders(run, len(averaged))
    present = [file_checksum(folder, ONNX_MODEL) for folder in folders if (folder / MANIFEST).is_file()]
    return folders if averaged and present == averaged else [run]


def recognizer_without_tta(run: Path) -> Recognizer:
    """Open a run's model, calibrated, without its test-time augmentation."""
    from inkdigit.export.onnx import to_onnx
    from inkdigit.training.custom_model import trained_build_function

    settings = run_settings(run)
    if not settings.tta:
        return Recognizer.load(run)
    return Recognizer(to_onnx(trained_build_function(run)(settings), calibration_of(read_run(run).manifest)))
